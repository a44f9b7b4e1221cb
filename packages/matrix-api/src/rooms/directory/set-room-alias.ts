import { parseRoomId, serverOf } from '@starling/protocol'
import { z } from 'zod'
import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { requireJoined } from '../access.ts'
import { aliasOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'

const schema = z.object({ room_id: z.string() })

/** `PUT /directory/room/{roomAlias}`: of this server only, to a room that the user is in; 409 where it exists. */
export function setRoomAlias(deps: Pick<RoomDeps, 'directory' | 'reader' | 'serverName'>) {
  return endpoint<'token'>({
    method: 'PUT',
    path: '/_matrix/client/v3/directory/room/{roomAlias}',
    auth: 'token',
    async handle(call) {
      const alias = aliasOf(call)
      const roomId = parseRoomId(checkInput(schema, call.body).room_id)
      if (!roomId) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a room id: room_id')
      if (serverOf(alias) !== deps.serverName) {
        throw new MatrixError(403, 'M_FORBIDDEN', 'The alias belongs to another server')
      }
      await requireJoined(deps.reader, roomId, call.requester.userId)
      if (!(await deps.directory.addAlias(alias, { roomId, creator: call.requester.userId }))) {
        throw new MatrixError(409, 'M_UNKNOWN', 'The alias exists already')
      }
      return {}
    },
  })
}
