import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomDeps } from '../deps.ts'
import { enterRoom, roomToEnter } from './enter-room.ts'

/** `POST /knock/{roomIdOrAlias}`. Members, invited and banned users cannot knock: 403. */
export function knockRoom(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/knock/{roomIdOrAlias}',
    auth: 'token',
    async handle(call) {
      const room = await roomToEnter(deps, call)
      const row = await deps.reader.membership(room.roomId, call.requester.userId)
      if (row?.membership === 'join' || row?.membership === 'invite' || row?.membership === 'ban') {
        throw new MatrixError(403, 'M_FORBIDDEN', `You cannot knock: your membership is ${row.membership}`)
      }
      return enterRoom(deps, call, room, 'knock')
    },
  })
}
