import { endpoint } from '../../http/endpoint.ts'
import { roomIdOf, viaOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { enterRoom } from './enter-room.ts'

/** `POST /rooms/{roomId}/join`. */
export function joinRoomById(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/{roomId}/join',
    auth: 'token',
    async handle(call) {
      return enterRoom(deps, call, { roomId: roomIdOf(call), via: viaOf(call) }, 'join')
    },
  })
}
