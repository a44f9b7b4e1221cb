import type { JsonObject } from '@starling/protocol'
import { roomEventFilterOf } from '../filters/compiled-filter.ts'
import type { Requester } from '../http/endpoint.ts'
import type { RoomEvent } from '../ports.ts'
import { stringIn } from '../rooms/content.ts'
import type { ReadDeps } from '../rooms/deps.ts'
import { formFor, serialiseState, serialiseTimeline } from '../rooms/event-serialiser.ts'
import { formatPageToken } from '../rooms/position-token.ts'
import { readPage } from '../rooms/reading/read-page.ts'
import { memberEvents, stateEvents } from '../rooms/state-reading.ts'
import type { RoomScope } from './room-scopes.ts'
import type { ContextWish, GroupKey, SearchRequest } from './search-input.ts'
import { formatSearchToken, type SearchToken } from './search-token.ts'
import type { ResultPage, SearchResult } from './visible-results.ts'

const EVERYTHING = roomEventFilterOf(undefined)

/** `search_categories.room_events` of the answer (Client-Server API, "Server Side Search"). */
export async function searchAnswer(
  deps: ReadDeps,
  requester: Requester,
  request: SearchRequest,
  page: ResultPage & { readonly count: number; readonly newest: number; readonly group: SearchToken['group'] },
): Promise<JsonObject> {
  const { results, last, newest, group } = page
  const next = last && { newest, value: last.value, document: last.document }
  const entries: JsonObject[] = []
  for (const result of results) entries.push(await entryOf(deps, requester, request, result))
  return {
    count: page.count,
    highlights: [...new Set(results.flatMap(({ surfaces }) => surfaces))],
    results: entries,
    ...(request.withState && { state: await statesOf(deps, requester, results) }),
    ...(request.groupBy.length > 0 && { groups: groupsOf(request.groupBy, results, next) }),
    ...(next && { next_batch: formatSearchToken({ ...next, group }) }),
  }
}

async function entryOf(
  deps: ReadDeps,
  requester: Requester,
  request: SearchRequest,
  { candidate, scope, event }: SearchResult,
): Promise<JsonObject> {
  const form = formFor(requester, deps.clock)
  const [result] = await serialiseTimeline(deps.reader, scope.view, [event], form, { relations: 'all' })
  return {
    rank: request.order === 'rank' ? candidate.value : 1,
    ...(result && { result }),
    ...(request.context && { context: await contextOf(deps, requester, scope, event, request.context) }),
  }
}

async function contextOf(
  deps: ReadDeps,
  requester: Requester,
  { view }: RoomScope,
  event: RoomEvent,
  wish: ContextWish,
): Promise<JsonObject> {
  const { reader, clock } = deps
  const order = event.order ?? 0
  const walk = (direction: 'f' | 'b', from: number, limit: number) =>
    limit === 0
      ? { events: [], next: from }
      : // Stored history only: a search asks no other server.
        readPage(reader, view, EVERYTHING, {
          ...{ direction, from, limit },
          to: direction === 'b' ? Number.MIN_SAFE_INTEGER : undefined,
        })
  const before = await walk('b', order - 1, wish.before)
  const after = await walk('f', order, wish.after)
  const form = formFor(requester, clock)
  const timeline = (events: readonly RoomEvent[]) =>
    serialiseTimeline(reader, view, events, form, { relations: 'none' })
  return {
    start: formatPageToken(before.next ?? (before.events.at(-1)?.order ?? order) - 1),
    end: formatPageToken(after.next ?? after.events.at(-1)?.order ?? order),
    events_before: await timeline(before.events),
    events_after: await timeline(after.events),
    ...(wish.profiles && {
      profile_info: await profilesAt(deps, event, [...before.events, event, ...after.events]),
    }),
  }
}

/** Name and avatar of the senders as they were at the result. */
async function profilesAt({ reader }: ReadDeps, at: RoomEvent, events: readonly RoomEvent[]): Promise<JsonObject> {
  const { roomId, eventId } = at.pdu
  const state = await reader.stateAfter(roomId, eventId)
  const senders = new Set(events.map(({ pdu }) => pdu.sender))
  const members = await memberEvents(reader, roomId, state, senders)
  return Object.fromEntries(
    members.map(({ pdu }) => {
      const [displayname, avatarUrl] = [stringIn(pdu.content, 'displayname'), stringIn(pdu.content, 'avatar_url')]
      const avatar = avatarUrl?.startsWith('mxc://') ? avatarUrl : undefined
      return [
        pdu.stateKey ?? '',
        { ...(displayname !== undefined && { displayname }), ...(avatar && { avatar_url: avatar }) },
      ]
    }),
  )
}

/** State of each room with a result: of now, or of when the user left. */
async function statesOf(
  deps: ReadDeps,
  requester: Requester,
  results: readonly SearchResult[],
): Promise<{ readonly [roomId: string]: JsonObject[] }> {
  const states: { [roomId: string]: JsonObject[] } = {}
  for (const { roomId, view } of new Set(results.map(({ scope }) => scope))) {
    const events = await stateEvents(deps.reader, roomId, await view.state())
    states[roomId] = await serialiseState(deps.reader, events, formFor(requester, deps.clock))
  }
  return states
}

/** The page's results by room or sender; `order` numbers the groups by their best result. */
function groupsOf(
  keys: readonly GroupKey[],
  results: readonly SearchResult[],
  next: Omit<SearchToken, 'group'> | undefined,
): JsonObject {
  return Object.fromEntries(
    keys.map((key) => {
      const groups = Map.groupBy(results, ({ event, scope }) => (key === 'room_id' ? scope.roomId : event.pdu.sender))
      const entries = [...groups].map(([value, members], index) => [
        value,
        {
          order: index + 1,
          results: members.map(({ event }) => event.pdu.eventId),
          ...(next && { next_batch: formatSearchToken({ ...next, group: { key, value } }) }),
        },
      ])
      return [key, Object.fromEntries(entries)]
    }),
  )
}
