import type { RoomId, UserId } from '@starling/protocol'
import type { RoomReader } from '../../ports.ts'
import type { RoomDescription } from './room-description.ts'

/** Join rules under which anybody may know of a room. */
const OPEN_RULES: ReadonlySet<string> = new Set(['public', 'knock', 'knock_restricted'])

/**
 * Whether a user, or who shows no token, may be told that a room exists and what it is called: who may enter it, knock at it
 * or read it (Client-Server API, "Room Summaries" and `GET /hierarchy`).
 */
export async function mayKnowRoom(
  reader: Pick<RoomReader, 'membership'>,
  roomId: RoomId,
  room: Pick<RoomDescription, 'joinRule' | 'worldReadable' | 'allowedRooms'>,
  userId: UserId | undefined,
): Promise<boolean> {
  const row = userId && (await reader.membership(roomId, userId))
  if (row?.membership === 'ban') return room.worldReadable
  if (OPEN_RULES.has(room.joinRule) || room.worldReadable) return true
  if (row && !row.forgotten && row.membership !== 'leave') return true
  return userId !== undefined && isJoinedInAny(reader, room.allowedRooms, userId)
}

async function isJoinedInAny(
  reader: Pick<RoomReader, 'membership'>,
  rooms: readonly RoomId[],
  userId: UserId,
): Promise<boolean> {
  for (const roomId of rooms) {
    if ((await reader.membership(roomId, userId))?.membership === 'join') return true
  }
  return false
}
