import { stateSlot } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent } from '../../ports.ts'
import { choiceQuery, roomIdOf } from '../call-params.ts'
import { clientEvent } from '../client-event.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor } from '../event-serialiser.ts'
import { openRoom, type RoomView } from '../room-view.ts'

/** `GET /rooms/{roomId}/state/{eventType}/{stateKey}`: the content, or with `format=event` the event; 404 for an empty slot. */
export function getStateEvent(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
    aliases: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const format = choiceQuery(call.query, 'format', ['content', 'event']) ?? 'content'
      const view = await openRoom(deps, roomId, call.requester.userId)
      const event = await slotOf(deps, view, call.params.eventType ?? '', call.params.stateKey ?? '')
      if (!event) throw new MatrixError(404, 'M_NOT_FOUND', 'The room has no such state')
      return format === 'event' ? clientEvent(event, formFor(call.requester, deps.clock)) : event.pdu.content
    },
  })
}

async function slotOf(deps: ReadDeps, view: RoomView, type: string, stateKey: string): Promise<RoomEvent | undefined> {
  if (view.access.kind !== 'departed') return deps.reader.stateEvent(view.roomId, type, stateKey)
  const eventId = (await view.state()).get(stateSlot(type, stateKey))
  return eventId === undefined ? undefined : deps.reader.event(view.roomId, eventId)
}
