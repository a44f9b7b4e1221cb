import { type JsonObject, parseRoomId, type RoomId } from '@starling/protocol'
import { arrayIn, numberIn, objectIn, stringIn } from '../content.ts'
import type { RoomOutline } from './outlined-rooms.ts'
import { inSpaceOrder, parseChildren } from './space-children.ts'

/** Texts of `RoomSummary` that are passed on; longer ones are left out. */
const TEXTS = ['name', 'topic', 'avatar_url', 'canonical_alias', 'room_type', 'encryption', 'room_version'] as const
const MAX_TEXT = 10_000
const MAX_ALLOWED = 100

/** What another server's `GET /hierarchy/{roomId}` says of the room itself; undefined where it does not speak of that room. */
export function parseOutline(answer: JsonObject, roomId: RoomId, maxChildren: number): RoomOutline | undefined {
  const room = objectIn(answer, 'room')
  if (!room || stringIn(room, 'room_id') !== roomId) return undefined
  const joinRule = stringIn(room, 'join_rule') ?? 'public'
  const worldReadable = room.world_readable === true
  const allowedRooms = (arrayIn(room, 'allowed_room_ids') ?? [])
    .slice(0, MAX_ALLOWED)
    .flatMap((allowed) => parseRoomId(allowed) ?? [])
  const texts = TEXTS.flatMap((key) => {
    const text = stringIn(room, key)
    return text === undefined || text.length > MAX_TEXT ? [] : [[key, text] as const]
  })
  const summary = {
    room_id: roomId,
    ...Object.fromEntries(texts),
    join_rule: joinRule,
    num_joined_members: Math.max(0, Math.trunc(numberIn(room, 'num_joined_members') ?? 0)),
    world_readable: worldReadable,
    guest_can_join: room.guest_can_join === true,
    ...(allowedRooms.length > 0 && { allowed_room_ids: allowedRooms }),
  }
  const children = inSpaceOrder(parseChildren((arrayIn(room, 'children_state') ?? []).slice(0, maxChildren)))
  return { summary, joinRule, worldReadable, allowedRooms, children }
}
