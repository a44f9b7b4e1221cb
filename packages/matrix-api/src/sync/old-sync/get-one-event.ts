import type { EventId, UserId } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { roomAccess } from '../../rooms/access.ts'
import { eventIdOf } from '../../rooms/call-params.ts'
import { formFor, serialiseTimeline } from '../../rooms/event-serialiser.ts'
import { visibleEvent } from '../../rooms/reading/get-event.ts'
import { hiddenPeople, RoomView } from '../../rooms/room-view.ts'
import type { OldSyncDeps } from './deps.ts'

/** `GET /events/{eventId}`, deprecated since r0: 404 for an event that is in none of the user's rooms or not to be seen. */
export function getOneEvent(deps: OldSyncDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/events/{eventId}',
    auth: 'token',
    async handle(call) {
      const eventId = eventIdOf(call)
      const view = await viewOfEvent(deps, call.requester.userId, eventId)
      const event = await visibleEvent(deps, view, eventId)
      const [json] = await serialiseTimeline(deps.reader, view, [event], formFor(call.requester, deps.clock), {
        relations: 'all',
      })
      return json
    },
  })
}

/** The room of the user that has the event. The id does not say which, so all are asked. */
async function viewOfEvent(deps: OldSyncDeps, userId: UserId, eventId: EventId): Promise<RoomView> {
  for (const { roomId, forgotten } of await deps.reader.roomsOf(userId)) {
    if (forgotten || !(await deps.reader.event(roomId, eventId))) continue
    const access = await roomAccess(deps.reader, roomId, userId)
    if (access.kind === 'none') break
    return new RoomView(deps.reader, roomId, userId, access, await hiddenPeople(deps.accountData, userId))
  }
  throw new MatrixError(404, 'M_NOT_FOUND', 'Event not found')
}
