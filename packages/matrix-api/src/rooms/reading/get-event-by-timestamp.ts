import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent, RoomReader } from '../../ports.ts'
import { choiceQuery, roomIdOf } from '../call-params.ts'
import type { ReadDeps } from '../deps.ts'
import { openRoom, type RoomView } from '../room-view.ts'
import { reachHistory } from './reach-history.ts'

/**
 * Events stand as they arrived, and their times nearly ascend with that: the place is found by halving, then so many events
 * to either side of it are looked at, for those whose senders' clocks were off or that came late.
 */
const AROUND = 250
/** Events looked at in all: where many in a row may not be seen, or others are asked for older history. */
const MAX_SCANNED = 5_000

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
      const event = await nearest(deps, view, Number(ts), direction, call.signal)
      if (!event) throw new MatrixError(404, 'M_NOT_FOUND', 'No event found on that side of the time')
      return { event_id: event.pdu.eventId, origin_server_ts: event.pdu.originServerTs }
    },
  })
}

/** The visible event nearest to the time on its side, among those around the place where the time would be. */
async function nearest(
  deps: ReadDeps,
  view: RoomView,
  ts: number,
  direction: 'f' | 'b',
  signal: AbortSignal,
): Promise<RoomEvent | undefined> {
  const { reader } = deps
  let place = await placeOf(reader, view, ts)
  if (place === undefined && view.access.kind === 'joined') {
    const isBefore = (page: readonly RoomEvent[]) => page.some(({ pdu }) => pdu.originServerTs < ts)
    await reachHistory(reader, view.roomId, isBefore, { signal, limit: MAX_SCANNED })
    place = await placeOf(reader, view, ts)
  }
  let from = place && (await steppedBack(reader, view, place, direction))
  let best: RoomEvent | undefined
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    const to = direction === 'f' ? view.newest : undefined
    const walk = { direction, limit: AROUND, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
    const slice = await reader.timeline(view.roomId, walk)
    for (const event of await view.shown(slice.events)) best = nearer(event, best, ts, direction)
    scanned += slice.events.length
    // Twice: as many beyond the place as before it.
    if (best && scanned >= 2 * AROUND) return best
    if (slice.next === undefined || slice.events.length === 0) return best
    from = slice.next
  }
  return best
}

/** The order of about the last event before the time; undefined where the room's stored history begins later. */
async function placeOf(reader: RoomReader, view: RoomView, ts: number): Promise<number | undefined> {
  const oldest = (await reader.timeline(view.roomId, { direction: 'f', limit: 1 })).events[0]
  const newest = await lastUpTo(reader, view, view.newest)
  if (oldest?.order === undefined || newest?.order === undefined || oldest.pdu.originServerTs >= ts) return undefined
  let [low, high] = [oldest.order, newest.order]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const event = await lastUpTo(reader, view, middle)
    if (event?.order === undefined || event.pdu.originServerTs < ts) low = middle
    else high = event.order - 1
  }
  return low
}

async function lastUpTo(reader: RoomReader, view: RoomView, order: number | undefined): Promise<RoomEvent | undefined> {
  const walk = { direction: 'b', to: Number.MIN_SAFE_INTEGER, limit: 1 } as const
  return (await reader.timeline(view.roomId, { ...walk, ...(order !== undefined && { from: order }) })).events[0]
}

/** Where a walk over the place begins: some events on the other side of it. */
async function steppedBack(
  reader: RoomReader,
  view: RoomView,
  place: number,
  direction: 'f' | 'b',
): Promise<number | undefined> {
  const back =
    direction === 'f'
      ? ({ direction: 'b', from: place, to: Number.MIN_SAFE_INTEGER, limit: AROUND } as const)
      : ({ direction: 'f', from: place, ...(view.newest !== undefined && { to: view.newest }), limit: AROUND } as const)
  const last = (await reader.timeline(view.roomId, back)).events.at(-1)?.order
  if (direction === 'f') return last === undefined ? undefined : last - 1
  return last ?? place
}

function nearer(
  event: RoomEvent,
  best: RoomEvent | undefined,
  ts: number,
  direction: 'f' | 'b',
): RoomEvent | undefined {
  const [time, known] = [event.pdu.originServerTs, best?.pdu.originServerTs]
  if (direction === 'f' ? time < ts : time > ts) return best
  if (known === undefined) return event
  return (direction === 'f' ? time < known : time > known) ? event : best
}
