import { z } from 'zod'
import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { requireJoined } from '../access.ts'
import { roomIdOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { currentPower } from '../power.ts'

const PATH = '/_matrix/client/v3/directory/list/room/{roomId}'
const schema = z.object({ visibility: z.enum(['public', 'private']).optional() })

type Deps = Pick<RoomDeps, 'directory' | 'reader'>

/** `GET /directory/list/room/{roomId}`: public for published rooms; of others only those in them learn that they are here. */
export function getRoomVisibility(deps: Deps) {
  return endpoint<'none'>({
    method: 'GET',
    path: PATH,
    auth: 'none',
    async handle(call) {
      const roomId = roomIdOf(call)
      if (await deps.directory.isPublished(roomId)) return { visibility: 'public' }
      const row = call.requester && (await deps.reader.membership(roomId, call.requester.userId))
      if (row?.membership !== 'join') throw new MatrixError(404, 'M_NOT_FOUND', 'Room not found')
      return { visibility: 'private' }
    },
  })
}

/** `PUT /directory/list/room/{roomId}`: by those in the room who may set its canonical alias. */
export function setRoomVisibility(deps: Deps) {
  return endpoint<'token'>({
    method: 'PUT',
    path: PATH,
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const { userId } = call.requester
      const { visibility = 'public' } = checkInput(schema, call.body)
      if ((await deps.reader.roomVersion(roomId)) === undefined) {
        throw new MatrixError(404, 'M_NOT_FOUND', 'Room not found')
      }
      await requireJoined(deps.reader, roomId, userId)
      const power = await currentPower(deps.reader, roomId)
      if (!power || power.levels.user(userId) < power.levels.event('m.room.canonical_alias', true)) {
        throw new MatrixError(403, 'M_FORBIDDEN', 'You may not change who finds the room')
      }
      await deps.directory.setPublished(roomId, visibility === 'public')
      return {}
    },
  })
}
