import type { RoomId, UserId } from '@starling/protocol'
import type { Affected, RoomMembership, RoomReader } from '../ports.ts'

/** Readers hand out the same rows until a membership changes: what is made of them is kept as long. */
const joinedOf = new WeakMap<readonly RoomMembership[], ReadonlySet<RoomId>>()

/**
 * What wakes a user's long-poll: writes in rooms that they are in, writes that name them (a new room always comes with one),
 * and writes that name one of `people`.
 */
export async function userInterest(
  reader: Pick<RoomReader, 'roomsOf'>,
  userId: UserId,
  people?: ReadonlySet<UserId>,
): Promise<(affected: Affected) => boolean> {
  const joined = joinedRooms(await reader.roomsOf(userId))
  return (affected) =>
    (affected.rooms?.some((roomId) => joined.has(roomId)) ?? false) ||
    (affected.users?.some((user) => user === userId || people?.has(user)) ?? false)
}

function joinedRooms(rows: readonly RoomMembership[]): ReadonlySet<RoomId> {
  const known = joinedOf.get(rows)
  if (known) return known
  const joined = new Set(rows.filter((row) => row.membership === 'join').map((row) => row.roomId))
  joinedOf.set(rows, joined)
  return joined
}
