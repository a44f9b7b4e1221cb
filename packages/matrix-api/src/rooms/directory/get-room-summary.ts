import type { RoomId, UserId } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomMembership } from '../../ports.ts'
import { roomIdOrAliasOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { resolveAlias } from './resolve-alias.ts'
import { describeRoom, type RoomDescription } from './room-description.ts'

/** Join rules under which anybody may know of a room. */
const OPEN_RULES: ReadonlySet<string> = new Set(['public', 'knock', 'knock_restricted'])

/**
 * `GET /room_summary/{roomIdOrAlias}`: 404, whether the room exists or not, for who may neither enter nor read it. Rooms
 * that this server is not in have no summary here.
 */
export function getRoomSummary(deps: Pick<RoomDeps, 'reader' | 'directory' | 'remote' | 'serverName'>) {
  return endpoint<'none'>({
    method: 'GET',
    path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
    aliases: [
      '/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary',
      '/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}',
    ],
    auth: 'none',
    async handle(call) {
      const named = roomIdOrAliasOf(call)
      const roomId = 'roomId' in named ? named.roomId : (await resolveAlias(deps, named.alias, call))?.roomId
      const userId = call.requester?.userId
      const room = roomId && (await describeRoom(deps.reader, roomId))
      const row = roomId && userId && (await deps.reader.membership(roomId, userId))
      if (!room || !(await mayKnow(deps, room, userId, row || undefined))) {
        throw new MatrixError(404, 'M_NOT_FOUND', 'Room not found')
      }
      return { ...room.summary, ...(userId && { membership: row ? row.membership : 'leave' }) }
    },
  })
}

async function mayKnow(
  deps: Pick<RoomDeps, 'reader'>,
  room: RoomDescription,
  userId: UserId | undefined,
  row: RoomMembership | undefined,
): Promise<boolean> {
  if (OPEN_RULES.has(room.joinRule) || room.worldReadable) return true
  if (row && !row.forgotten && row.membership !== 'leave' && row.membership !== 'ban') return true
  return userId !== undefined && isAllowed(deps, room.allowedRooms, userId)
}

async function isAllowed(deps: Pick<RoomDeps, 'reader'>, rooms: readonly RoomId[], userId: UserId): Promise<boolean> {
  for (const roomId of rooms) {
    if ((await deps.reader.membership(roomId, userId))?.membership === 'join') return true
  }
  return false
}
