import { endpoint } from '../../http/endpoint.ts'
import { roomIdOf } from '../call-params.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor, serialiseState } from '../event-serialiser.ts'
import { openRoom } from '../room-view.ts'
import { stateEvents } from '../state-reading.ts'

/** `GET /rooms/{roomId}/state`: current, or as it was when the user left. */
export function getRoomState(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/state',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const view = await openRoom(deps, roomId, call.requester.userId)
      const events = await stateEvents(deps.reader, roomId, await view.state())
      return serialiseState(deps.reader, events, formFor(call.requester, deps.clock))
    },
  })
}
