import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent } from '../../ports.ts'
import { eventIdOf, roomIdOf } from '../call-params.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor, serialiseTimeline } from '../event-serialiser.ts'
import { openRoom, type RoomView } from '../room-view.ts'

/** `GET /rooms/{roomId}/event/{eventId}`: 404 for what is not in this room or not to be seen. */
export function getEvent(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/event/{eventId}',
    auth: 'token',
    async handle(call) {
      const view = await openRoom(deps, roomIdOf(call), call.requester.userId)
      const event = await visibleEvent(deps, view, eventIdOf(call))
      const form = formFor(call.requester, deps.clock)
      const [json] = await serialiseTimeline(deps.reader, view, [event], form, { relations: 'all' })
      return json
    },
  })
}

/** One event of the room; 404 `M_NOT_FOUND` for one of another room, not stored, or not to be seen. */
export async function visibleEvent(
  deps: Pick<ReadDeps, 'reader'>,
  view: RoomView,
  eventId: RoomEvent['pdu']['eventId'],
): Promise<RoomEvent> {
  const event = await deps.reader.event(view.roomId, eventId)
  if (!event || !(await isReadable(deps, view, event))) throw new MatrixError(404, 'M_NOT_FOUND', 'Event not found')
  return event
}

/** Visible by history, or part of the state that the user may read anyway. */
async function isReadable(deps: Pick<ReadDeps, 'reader'>, view: RoomView, event: RoomEvent): Promise<boolean> {
  if (await view.visibility.canSee(event)) return true
  const { type, stateKey, eventId } = event.pdu
  if (stateKey === undefined || view.access.kind !== 'joined') return false
  return (await deps.reader.stateEvent(view.roomId, type, stateKey))?.pdu.eventId === eventId
}
