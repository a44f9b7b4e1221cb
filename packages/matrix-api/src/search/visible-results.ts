import type { EventId, RoomId } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../ports.ts'
import type { Candidate, Candidates } from './find-candidates.ts'
import type { RoomScope } from './room-scopes.ts'
import type { SearchIndex } from './search-index.ts'
import type { SearchRequest } from './search-input.ts'
import type { SearchToken } from './search-token.ts'
import { SEARCH_KEYS, searchableText } from './searchable-text.ts'
import { wordsOf } from './words.ts'

export interface SearchResult {
  readonly candidate: Candidate
  readonly scope: RoomScope
  readonly event: RoomEvent
  /** The searched words as they stand in the event. */
  readonly surfaces: readonly string[]
}

export interface ResultPage {
  readonly results: readonly SearchResult[]
  /** The last candidate that was looked at, where there are more behind it. */
  readonly last: Candidate | undefined
  /** Candidates behind it. */
  readonly unread: readonly Candidate[]
}

/** Events read at a time, and at most for one page: a page may be shorter than asked for, the client then goes on from there. */
const READ_AT_ONCE = 50
export const MAX_READ = 2_000

/**
 * Reads the candidates' events in order until the page is full: only what is still there, still says it, passes the filter, and
 * may be seen by the user.
 */
export async function visibleResults(
  deps: { readonly reader: RoomReader; readonly index: SearchIndex },
  { first: candidates, others }: Candidates,
  scopes: ReadonlyMap<number, RoomScope>,
  request: SearchRequest,
  group: SearchToken['group'],
): Promise<ResultPage> {
  const results: SearchResult[] = []
  const limit = Math.max(1, request.filter.limit)
  for (let at = 0; at < candidates.length; at += READ_AT_ONCE) {
    const slice = candidates.slice(at, at + READ_AT_ONCE)
    const found = await shownEvents(deps, slice, scopes, request, group)
    for (const [index, candidate] of slice.entries()) {
      const result = found.get(candidate.document)
      if (result) results.push(result)
      if (results.length < limit) continue
      const unread = candidates.slice(at + index + 1)
      const isLast = unread.length === 0 && others.size === 0
      return { results, unread, last: isLast ? undefined : candidate }
    }
  }
  return { results, unread: [], last: others.size === 0 ? undefined : candidates.at(-1) }
}

async function shownEvents(
  { reader, index }: { readonly reader: RoomReader; readonly index: SearchIndex },
  slice: readonly Candidate[],
  scopes: ReadonlyMap<number, RoomScope>,
  request: SearchRequest,
  group: SearchToken['group'],
): Promise<Map<number, SearchResult>> {
  const ids = await index.eventIds(slice)
  const byRoom = new Map<RoomScope, Map<EventId, Candidate>>()
  for (const [at, candidate] of slice.entries()) {
    const [scope, id] = [scopes.get(candidate.room), ids[at]]
    if (!scope || id === undefined) continue
    const inRoom = byRoom.get(scope) ?? new Map<EventId, Candidate>()
    byRoom.set(scope, inRoom.set(id, candidate))
  }
  const found = new Map<number, SearchResult>()
  for (const [scope, wanted] of byRoom) {
    const events = await reader.events(scope.roomId, [...wanted.keys()])
    const kept = events.filter((event) => isWanted(event, scope.roomId, request, group))
    for (const event of await scope.view.shown(kept)) {
      const candidate = wanted.get(event.pdu.eventId)
      const surfaces = surfacesIn(event, request)
      if (candidate && surfaces) found.set(candidate.document, { candidate, scope, event, surfaces })
    }
  }
  return found
}

function isWanted(event: RoomEvent, roomId: RoomId, { filter }: SearchRequest, group: SearchToken['group']): boolean {
  const { type, sender, content } = event.pdu
  if (event.redactedBecause || !filter.matches({ type, sender, content })) return false
  if (!group) return true
  return group.value === (group.key === 'room_id' ? roomId : sender)
}

/** How the searched words stand in the event; undefined where one does not (any more). */
function surfacesIn(event: RoomEvent, { terms, keys }: SearchRequest): string[] | undefined {
  const surfaces = new Set<string>()
  const found = new Set<string>()
  for (const { key, text } of searchableText(event.pdu)) {
    if ((SEARCH_KEYS[key] & keys) === 0) continue
    for (const { term, surface } of wordsOf(text)) {
      if (!terms.includes(term)) continue
      found.add(term)
      surfaces.add(surface)
    }
  }
  return found.size === terms.length ? [...surfaces] : undefined
}
