import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { roomIdOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'

/** `POST /rooms/{roomId}/forget`: 400 for a room that the user has not left. */
export function forgetRoom(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/{roomId}/forget',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const row = await deps.reader.membership(roomId, call.requester.userId)
      if (!row) throw new MatrixError(404, 'M_NOT_FOUND', 'You have nothing to do with this room')
      if (row.membership !== 'leave' && row.membership !== 'ban') {
        throw new MatrixError(400, 'M_UNKNOWN', 'Leave the room first')
      }
      if (row.forgotten) return {}
      await deps.rooms.forget(roomId, call.requester.userId)
      await deps.history.roomForgotten(roomId)
      return {}
    },
  })
}
