import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent } from '../../ports.ts'
import { choiceQuery, roomIdOf } from '../call-params.ts'
import type { ReadDeps } from '../deps.ts'
import { openRoom, type RoomView } from '../room-view.ts'

/** Events looked at from the newest back; what lies further back is not found (there is no index by time). */
const MAX_SCANNED = 5_000
const PAGE = 250

/** `GET /rooms/{roomId}/timestamp_to_event`: the event nearest to `ts` on the side that `dir` says, 404 where there is none. */
export function getEventByTimestamp(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v1/rooms/{roomId}/timestamp_to_event',
    auth: 'token',
    async handle(call) {
      const direction = choiceQuery(call.query, 'dir', ['f', 'b'])
      const ts = call.query.ts
      if (!direction || ts === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: dir or ts')
      if (!/^\d{1,16}$/.test(ts)) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a time: ts')
      const view = await openRoom(deps, roomIdOf(call), call.requester.userId)
      const event = await nearest(deps, view, Number(ts), direction)
      if (!event) throw new MatrixError(404, 'M_NOT_FOUND', 'No event found on that side of the time')
      return { event_id: event.pdu.eventId, origin_server_ts: event.pdu.originServerTs }
    },
  })
}

/**
 * Walks back over the events as they arrived, whose times nearly descend: `b` ends at the first event at or before the
 * time; `f` remembers the earliest at or after it and ends with the first page that lies wholly before.
 */
async function nearest(
  deps: ReadDeps,
  view: RoomView,
  ts: number,
  direction: 'f' | 'b',
): Promise<RoomEvent | undefined> {
  let from = view.newest
  let best: RoomEvent | undefined
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    const walk = { direction: 'b', limit: PAGE, ...(from === undefined ? {} : { from }) } as const
    const slice = await deps.reader.timeline(view.roomId, walk)
    const events = await view.shown(slice.events)
    const later = events.filter((event) => event.pdu.originServerTs >= ts)
    if (direction === 'b') {
      const found = events.find((event) => event.pdu.originServerTs <= ts)
      if (found) return found
    } else {
      for (const event of later) {
        if (!best || event.pdu.originServerTs <= best.pdu.originServerTs) best = event
      }
      if (events.length > 0 && later.length === 0) return best
    }
    scanned += slice.events.length
    if (slice.next === undefined || slice.events.length === 0) break
    from = slice.next
  }
  return best
}
