import { endpoint } from '../../http/endpoint.ts'
import type { RoomDeps } from '../deps.ts'
import { enterRoom, roomToEnter } from './enter-room.ts'

/** `POST /join/{roomIdOrAlias}`. */
export function joinRoom(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'POST',
    path: '/_matrix/client/v3/join/{roomIdOrAlias}',
    auth: 'token',
    async handle(call) {
      return enterRoom(deps, call, await roomToEnter(deps, call), 'join')
    },
  })
}
