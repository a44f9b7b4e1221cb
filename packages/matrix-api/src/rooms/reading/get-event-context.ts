import type { EventId } from '@starling/protocol'
import { type CompiledRoomEventFilter, roomEventFilterOf } from '../../filters/compiled-filter.ts'
import { integerQuery } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import type { RoomEvent } from '../../ports.ts'
import { eventIdOf, roomIdOf } from '../call-params.ts'
import type { ReadDeps } from '../deps.ts'
import { formFor, serialiseState, serialiseTimeline } from '../event-serialiser.ts'
import { formatPageToken } from '../position-token.ts'
import { openRoom, type RoomView } from '../room-view.ts'
import { stateEvents } from '../state-reading.ts'
import { visibleEvent } from './get-event.ts'
import { reachHistory } from './reach-history.ts'
import { type Page, readPage } from './read-page.ts'

const CONTEXT_LIMIT = { min: 0, max: 100, fallback: 10 } as const
/** Events of older history that others are asked for to find the one: about 1 MB of an ordinary room. */
const MAX_REACHED = 1_000

/** `GET /rooms/{roomId}/context/{eventId}`: the event with what surrounds it, half of `limit` on each side. */
export function getEventContext(deps: ReadDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/context/{eventId}',
    auth: 'token',
    async handle(call) {
      const view = await openRoom(deps, roomIdOf(call), call.requester.userId)
      const filter = roomEventFilterOf(call.query.filter)
      const limit = integerQuery(call.query, 'limit', CONTEXT_LIMIT)
      const event = await visibleEvent(deps, view, await reachedEvent(deps, view, eventIdOf(call), call.signal))
      const { before, after } = await surroundings(deps, view, event, filter, limit, call.signal)
      const newest = after.events.at(-1) ?? event
      const form = formFor(call.requester, deps.clock)
      const timeline = (events: readonly RoomEvent[]) =>
        serialiseTimeline(deps.reader, view, events, form, { relations: 'all' })
      const state = await stateAround(deps, view, newest, [...before.events, event, ...after.events], filter)
      const order = event.order ?? deps.positions.current()
      return {
        start: formatPageToken(before.next ?? orderOf(before.events.at(-1), order) - 1),
        end: formatPageToken(after.next ?? orderOf(after.events.at(-1), order)),
        event: (await timeline([event]))[0],
        events_before: await timeline(before.events),
        events_after: await timeline(after.events),
        state: await serialiseState(deps.reader, state, form),
      }
    },
  })
}

/** A link may lead to what happened before this server came to the room: it is sought there, in bounds. */
async function reachedEvent(deps: ReadDeps, view: RoomView, eventId: EventId, signal: AbortSignal): Promise<EventId> {
  if (view.access.kind !== 'joined' || (await deps.reader.event(view.roomId, eventId))) return eventId
  const isFound = (page: readonly RoomEvent[]) => page.some(({ pdu }) => pdu.eventId === eventId)
  await reachHistory(deps.reader, view.roomId, isFound, { signal, limit: MAX_REACHED })
  return eventId
}

async function surroundings(
  deps: ReadDeps,
  view: RoomView,
  event: RoomEvent,
  filter: CompiledRoomEventFilter,
  limit: number,
  signal: AbortSignal,
): Promise<{ readonly before: Page; readonly after: Page }> {
  // A state event from before this server came: it has no place in the timeline.
  if (event.order === undefined)
    return { before: { events: [], next: undefined }, after: { events: [], next: undefined } }
  const walk = (direction: 'f' | 'b', from: number, count: number) =>
    readPage(deps.reader, view, filter, { direction, from, to: undefined, limit: count }, { signal })
  const before = await walk('b', event.order - 1, Math.floor(limit / 2))
  const after = await walk('f', event.order, Math.ceil(limit / 2))
  return { before, after }
}

/** State at the last event returned; of members only the senders' where they are loaded lazily. */
async function stateAround(
  deps: ReadDeps,
  view: RoomView,
  newest: RoomEvent,
  events: readonly RoomEvent[],
  filter: CompiledRoomEventFilter,
): Promise<RoomEvent[]> {
  const state =
    newest.order === undefined ? await view.state() : await deps.reader.stateAfter(view.roomId, newest.pdu.eventId)
  const senders = new Set<string>(events.map((event) => event.pdu.sender))
  const found = await stateEvents(deps.reader, view.roomId, state, (type, stateKey) =>
    type === 'm.room.member' && filter.lazyLoadMembers ? senders.has(stateKey) : true,
  )
  return found.filter(({ pdu }) => filter.matches({ type: pdu.type, sender: pdu.sender, content: pdu.content }))
}

function orderOf(event: RoomEvent | undefined, fallback: number): number {
  return event?.order ?? fallback
}
