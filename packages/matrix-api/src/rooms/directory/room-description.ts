import type { JsonObject, RoomId } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../../ports.ts'
import { arrayIn, asObject, objectIn, stringIn } from '../content.ts'

/**
 * What a room says of itself to those outside: `PublishedRoomsChunk` with the keys of `RoomSummary` (Client-Server API,
 * "Published room directory", "Room Summaries"). Undefined for a room that is not known here.
 */
export interface RoomDescription {
  readonly chunk: JsonObject
  readonly summary: JsonObject
  readonly joinRule: string
  readonly worldReadable: boolean
  /** Rooms whose members may join, where the join rule is a restricted one. */
  readonly allowedRooms: readonly RoomId[]
}

const STATE = {
  create: 'm.room.create',
  name: 'm.room.name',
  topic: 'm.room.topic',
  avatar: 'm.room.avatar',
  alias: 'm.room.canonical_alias',
  joinRules: 'm.room.join_rules',
  visibility: 'm.room.history_visibility',
  guests: 'm.room.guest_access',
  encryption: 'm.room.encryption',
} as const

export async function describeRoom(reader: RoomReader, roomId: RoomId): Promise<RoomDescription | undefined> {
  const version = await reader.roomVersion(roomId)
  if (version === undefined) return undefined
  const read = (name: keyof typeof STATE) => reader.stateEvent(roomId, STATE[name], '')
  const [create, name, topic, avatar, alias, joinRules, visibility, guests, encryption] = await Promise.all(
    (Object.keys(STATE) as (keyof typeof STATE)[]).map(read),
  )
  if (!create) return undefined
  const { joined } = await reader.memberCounts(roomId)
  const joinRule = text(joinRules, 'join_rule') ?? 'invite'
  const worldReadable = text(visibility, 'history_visibility') === 'world_readable'
  const allowedRooms = allowedIn(joinRules)
  const chunk = defined({
    room_id: roomId,
    name: text(name, 'name'),
    topic: plainTopic(topic),
    avatar_url: text(avatar, 'url'),
    canonical_alias: text(alias, 'alias'),
    room_type: text(create, 'type'),
    join_rule: joinRule,
    num_joined_members: joined,
    world_readable: worldReadable,
    guest_can_join: text(guests, 'guest_access') === 'can_join',
  })
  const summary = defined({
    ...chunk,
    room_version: version,
    encryption: text(encryption, 'algorithm'),
    ...(allowedRooms.length > 0 && { allowed_room_ids: allowedRooms }),
  })
  return { chunk, summary, joinRule, worldReadable, allowedRooms }
}

function text(event: RoomEvent | undefined, key: string): string | undefined {
  return stringIn(event?.pdu.content, key)
}

/** The `text/plain` part of `m.topic`, else the older `topic`. */
function plainTopic(event: RoomEvent | undefined): string | undefined {
  const parts = arrayIn(objectIn(event?.pdu.content, 'm.topic'), 'm.text') ?? []
  for (const part of parts) {
    const mimetype = stringIn(asObject(part), 'mimetype') ?? 'text/plain'
    const body = stringIn(asObject(part), 'body')
    if (mimetype === 'text/plain' && body !== undefined) return body
  }
  return text(event, 'topic')
}

function allowedIn(event: RoomEvent | undefined): RoomId[] {
  const rule = text(event, 'join_rule')
  if (rule !== 'restricted' && rule !== 'knock_restricted') return []
  const allow = arrayIn(event?.pdu.content, 'allow') ?? []
  return allow
    .map((condition) => asObject(condition))
    .filter((condition) => stringIn(condition, 'type') === 'm.room_membership')
    .map((condition) => stringIn(condition, 'room_id'))
    .filter((roomId) => roomId !== undefined) as RoomId[]
}

function defined(values: { readonly [key: string]: JsonObject[string] }): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
