import { checkInput } from '../http/check-input.ts'
import { type Endpoint, endpoint, type Requester } from '../http/endpoint.ts'
import type { ReadDeps } from '../rooms/deps.ts'
import { type Candidate, type Candidates, findCandidates } from './find-candidates.ts'
import type { IndexFollower } from './index-follower.ts'
import { type RoomScope, roomScopes } from './room-scopes.ts'
import { searchAnswer } from './search-answer.ts'
import type { SearchIndex } from './search-index.ts'
import { type SearchRequest, searchRequestOf, searchSchema } from './search-input.ts'
import { parseSearchToken, type SearchToken } from './search-token.ts'
import { MAX_READ, visibleResults } from './visible-results.ts'

export interface SearchDeps extends ReadDeps {
  readonly index: SearchIndex
  readonly follower: Pick<IndexFollower, 'catchUp'>
}

/** Longest wait for the index to know of the newest messages; a node that has just started may be far behind. */
const CATCH_UP_MS = 2_000

/** `POST /search` (Client-Server API, "Server Side Search"): full text over the rooms that the user is or was in. */
export function searchEndpoints(deps: SearchDeps): readonly Endpoint[] {
  return [
    endpoint<'token'>({
      method: 'POST',
      path: '/_matrix/client/v3/search',
      auth: 'token',
      rate: 'search',
      async handle(call) {
        const input = checkInput(searchSchema, call.body)
        const token = parseSearchToken(call.query.next_batch)
        const roomEvents = input.search_categories.room_events
        if (!roomEvents) return { search_categories: {} }
        const request = searchRequestOf(roomEvents)
        return { search_categories: { room_events: await search(deps, call.requester, request, token) } }
      },
    }),
  ]
}

async function search(
  deps: SearchDeps,
  requester: Requester,
  request: SearchRequest,
  token: SearchToken | undefined,
): Promise<object> {
  if (request.terms.length === 0) return { count: 0, highlights: [], results: [] }
  await caughtUp(deps.follower)
  const scopes = await roomScopes(deps, requester.userId, request.filter)
  const newest = token?.newest ?? (await deps.index.newest())
  const limits = { newest, after: token, first: MAX_READ }
  const candidates = await findCandidates(deps.index, request, scopes, limits)
  const page = await visibleResults(deps, candidates, scopes, request, token?.group)
  const count = page.results.length + (await countOpen(page.unread, candidates, scopes))
  return searchAnswer(deps, requester, request, { ...page, count, newest, group: token?.group })
}

/** Those of which nothing but the filter needs to be checked: counting others would tell of messages that may not be seen. */
async function countOpen(
  unread: readonly Candidate[],
  { others }: Candidates,
  scopes: ReadonlyMap<number, RoomScope>,
): Promise<number> {
  const read = Map.groupBy(unread, ({ room }) => room)
  let count = 0
  for (const room of new Set([...read.keys(), ...others.keys()])) {
    const openFrom = (await scopes.get(room)?.view.visibility.openFrom()) ?? Number.POSITIVE_INFINITY
    for (const { order } of read.get(room) ?? []) if (order > openFrom) count += 1
    for (const order of others.get(room) ?? []) if (order > openFrom) count += 1
  }
  return count
}

async function caughtUp(follower: SearchDeps['follower']): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, CATCH_UP_MS)
  await Promise.race([follower.catchUp(), late]).finally(() => clearTimeout(timer))
}
