import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { roomIdOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { changeOf, reasonSchema } from './change-member.ts'

/** `POST /rooms/{roomId}/leave`: leaves, refuses an invite, withdraws a knock. Having left already is no error. */
export function leaveRoom(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/{roomId}/leave',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const { userId } = call.requester
      const { reason } = checkInput(reasonSchema, call.body)
      const row = await deps.reader.membership(roomId, userId)
      if (!row) throw new MatrixError(404, 'M_NOT_FOUND', 'You have nothing to do with this room')
      if (row.membership === 'ban') throw new MatrixError(403, 'M_FORBIDDEN', 'You are banned from this room')
      if (row.membership === 'leave') return {}
      const request = { roomId, sender: userId, target: userId, reason }
      await deps.rooms.changeMembership(changeOf(request, 'leave', {}), { signal: call.signal })
      return {}
    },
  })
}
