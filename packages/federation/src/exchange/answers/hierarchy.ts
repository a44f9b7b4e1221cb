import type { EventId, JsonObject, Pdu, RoomId, ServerName, StateMap } from '@starling/protocol'
import { parseRoomId, slotKey, strippedState } from '@starling/protocol'
import type { Answer, RoomEngine } from '../../contracts.ts'
import { eventIn } from '../access/state-events.ts'
import { asArray, asObject, asString } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { notFound, roomIdOf } from './read-request.ts'

/** Children looked at, in the order of the state. */
const MAX_CHILDREN = 100

/** Server-server API, "Spaces": a space and those of its children that the asking server may enter or look into. */
export function hierarchy(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/hierarchy/{roomId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      const suggestedOnly = query.get('suggested_only') === 'true'
      const room = await summary(parts, roomId, origin, suggestedOnly)
      if (!room) return notFound('Room does not exist.')
      const children: JsonObject[] = []
      const inaccessible: RoomId[] = []
      for (const event of await childEvents(parts.engine, roomId, suggestedOnly)) {
        const childId = parseRoomId(event.stateKey)
        if (!childId || !(await isResident(parts, childId))) continue
        const child = await summary(parts, childId, origin, suggestedOnly)
        if (child) children.push(child)
        else inaccessible.push(childId)
      }
      return { room, children, inaccessible_children: inaccessible }
    },
  }
}

async function isResident(parts: AnswerParts, roomId: RoomId): Promise<boolean> {
  if ((await parts.engine.roomVersion(roomId)) === undefined) return false
  return (await parts.engine.joinedServers(roomId)).has(parts.keys.serverName)
}

/** Undefined where this server is not in the room or the asker could not enter or look into it. */
async function summary(
  parts: AnswerParts,
  roomId: RoomId,
  origin: ServerName,
  suggestedOnly: boolean,
): Promise<JsonObject | undefined> {
  if (!(await isResident(parts, roomId))) return undefined
  const { engine } = parts
  const state = await engine.currentState(roomId)
  const content = async (type: string) => (await eventIn(engine, state, type))?.content
  const joinRules = await content('m.room.join_rules')
  const worldReadable = (await content('m.room.history_visibility'))?.history_visibility === 'world_readable'
  const allowed = allowedRooms(joinRules)
  if (!worldReadable && !(await mayEnter(parts, roomId, origin, joinRules, allowed))) return undefined
  const create = await content('m.room.create')
  const children = await childEvents(engine, roomId, suggestedOnly)
  return withoutUndefined({
    room_id: roomId,
    name: asString((await content('m.room.name'))?.name),
    topic: asString((await content('m.room.topic'))?.topic),
    avatar_url: asString((await content('m.room.avatar'))?.url),
    canonical_alias: asString((await content('m.room.canonical_alias'))?.alias),
    encryption: asString((await content('m.room.encryption'))?.algorithm),
    room_type: asString(create?.type),
    room_version: await engine.roomVersion(roomId),
    join_rule: asString(joinRules?.join_rule) ?? 'invite',
    guest_can_join: (await content('m.room.guest_access'))?.guest_access === 'can_join',
    world_readable: worldReadable,
    num_joined_members: await joinedMembers(engine, state),
    ...(allowed.length > 0 ? { allowed_room_ids: allowed } : {}),
    children_state: children.map((event) => ({ ...strippedState(event), origin_server_ts: event.originServerTs })),
  })
}

const OPEN_RULES: ReadonlySet<string> = new Set(['public', 'knock', 'knock_restricted'])

async function mayEnter(
  parts: AnswerParts,
  roomId: RoomId,
  origin: ServerName,
  joinRules: JsonObject | undefined,
  allowed: readonly RoomId[],
): Promise<boolean> {
  if (OPEN_RULES.has(String(joinRules?.join_rule))) return true
  for (const room of [roomId, ...allowed]) {
    if ((await isResident(parts, room)) && (await parts.engine.joinedServers(room)).has(origin)) return true
  }
  return false
}

function allowedRooms(joinRules: JsonObject | undefined): readonly RoomId[] {
  return (asArray(joinRules?.allow) ?? []).flatMap((entry) => parseRoomId(asObject(entry)?.room_id) ?? [])
}

async function childEvents(engine: RoomEngine, roomId: RoomId, suggestedOnly: boolean): Promise<readonly Pdu[]> {
  const ids = idsOfType(await engine.currentState(roomId), 'm.space.child').slice(0, MAX_CHILDREN)
  const events = await engine.events(ids)
  return [...events.values()].flatMap(({ pdu }) => {
    const isChild = (asArray(pdu.content.via) ?? []).length > 0
    return isChild && (!suggestedOnly || pdu.content.suggested === true) ? pdu : []
  })
}

async function joinedMembers(engine: RoomEngine, state: StateMap): Promise<number> {
  const members = await engine.events(idsOfType(state, 'm.room.member'))
  return [...members.values()].filter(({ pdu }) => pdu.content.membership === 'join').length
}

function idsOfType(state: StateMap, type: string): EventId[] {
  return [...state].flatMap(([slot, eventId]) => (slotKey(slot).type === type ? eventId : []))
}

function withoutUndefined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}
