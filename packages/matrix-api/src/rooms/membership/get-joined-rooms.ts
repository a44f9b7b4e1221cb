import { endpoint } from '../../http/endpoint.ts'
import type { RoomDeps } from '../deps.ts'

/** `GET /joined_rooms`. */
export function getJoinedRooms(deps: Pick<RoomDeps, 'reader'>) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/joined_rooms',
    auth: 'token',
    async handle(call) {
      const rows = await deps.reader.roomsOf(call.requester.userId)
      return { joined_rooms: rows.filter((row) => row.membership === 'join').map((row) => row.roomId) }
    },
  })
}
