import type { RoomId } from '@starling/protocol'
import { type CompiledRoomEventFilter, roomEventFilterOf } from '../../filters/compiled-filter.ts'
import { integerQuery } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent } from '../../ports.ts'
import { choiceQuery, roomIdOf } from '../call-params.ts'
import type { ReadDeps, RoomDeps } from '../deps.ts'
import { formFor, serialiseState, serialiseTimeline } from '../event-serialiser.ts'
import { formatPageToken, pageTokenQuery } from '../position-token.ts'
import { openRoom, type RoomView } from '../room-view.ts'
import { memberEvents } from '../state-reading.ts'
import { readPage } from './read-page.ts'

export const PAGE_LIMIT = { min: 1, max: 250, fallback: 10 } as const

/** `GET /rooms/{roomId}/messages`: pages of history in both directions; further back than is stored, other nodes are asked. */
export function getMessages(deps: ReadDeps & Pick<RoomDeps, 'history'>) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/messages',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const direction = choiceQuery(call.query, 'dir', ['f', 'b'])
      if (!direction) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: dir')
      const from = pageTokenQuery(call.query, 'from')
      const to = pageTokenQuery(call.query, 'to')
      const filter = roomEventFilterOf(call.query.filter)
      const limit = integerQuery(call.query, 'limit', PAGE_LIMIT)
      const view = await openRoom(deps, roomId, call.requester.userId)
      const start = from ?? (direction === 'b' ? (view.newest ?? deps.positions.current()) : undefined)
      const walk = { direction, from: start, to, limit }
      const page = filter.matchesRoom(roomId)
        ? await readPage(deps.reader, view, filter, walk, { signal: call.signal })
        : { events: [], next: undefined }
      if ((page.next ?? 0) < 0) deps.history.historyChanged(roomId)
      const form = formFor(call.requester, deps.clock)
      const members = await lazyMembers(deps, view, page.events, filter)
      return {
        start: formatPageToken(start ?? beforeFirst(page.events)),
        ...(page.next === undefined ? {} : { end: formatPageToken(page.next) }),
        chunk: await serialiseTimeline(deps.reader, view, page.events, form, { relations: 'all' }),
        ...(members.length > 0 && { state: await serialiseState(deps.reader, members, form) }),
      }
    },
  })
}

/** Membership events of the senders as they were at the newest of the events. */
export async function lazyMembers(
  deps: Pick<ReadDeps, 'reader'>,
  view: RoomView,
  events: readonly RoomEvent[],
  filter: CompiledRoomEventFilter,
): Promise<RoomEvent[]> {
  const newest = events.reduce<RoomEvent | undefined>(
    (best, event) => ((event.order ?? 0) >= (best?.order ?? Number.NEGATIVE_INFINITY) ? event : best),
    undefined,
  )
  if (!filter.lazyLoadMembers || !newest) return []
  const roomId: RoomId = view.roomId
  const state = await deps.reader.stateAfter(roomId, newest.pdu.eventId)
  return memberEvents(
    deps.reader,
    roomId,
    state,
    events.map((event) => event.pdu.sender),
  )
}

/** `start` of a walk from the very beginning. */
function beforeFirst(events: readonly RoomEvent[]): number {
  const first = events[0]?.order
  return first === undefined ? 0 : first - 1
}
