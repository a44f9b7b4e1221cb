import type { Logger, UserId } from '@starling/protocol'
import { z } from 'zod'
import type { Accounts } from '../accounts/accounts.ts'
import { checkInput } from '../http/check-input.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { FoundUser, UserSearch } from '../ports.ts'
import type { ProfileStore } from '../profile/profiles.ts'
import { rankOf } from './match-person.ts'
import type { RoomPeople } from './room-people.ts'

export interface UserDirectoryDeps {
  readonly accounts: Accounts
  readonly profiles: ProfileStore
  readonly roomPeople: RoomPeople
  readonly userSearch: UserSearch
  readonly logger: Logger
}

const DEFAULT_LIMIT = 10
const MAX_LIMIT = 50

/** A person waits for this; what the network has not brought by then is left out. In milliseconds. */
const NETWORK_TIME_MS = 5_000

const request = z.object({ search_term: z.string().max(1_000), limit: z.number().int().min(0).optional() })

/**
 * `POST /user_directory/search` (Client-Server API, "User Directory"): accounts of this node, people in shared rooms, and
 * whoever the LAN and the DHT know by that term (DESIGN, "User search").
 */
export function userDirectoryEndpoints(deps: UserDirectoryDeps): readonly Endpoint[] {
  return [
    endpoint<'token'>({
      method: 'POST',
      path: '/_matrix/client/v3/user_directory/search',
      auth: 'token',
      rate: 'search',
      async handle(call) {
        const { search_term, limit = DEFAULT_LIMIT } = checkInput(request, call.body)
        const most = Math.min(limit, MAX_LIMIT)
        const { userId } = call.requester
        const [near, far] = await Promise.all([
          peopleHere(deps, userId, search_term),
          peopleElsewhere(deps, search_term, most + 1, call.signal),
        ])
        const results = merge(near, far, userId)
        return { results: results.slice(0, most).map(asResult), limited: results.length > most }
      },
    }),
  ]
}

/** Local accounts and people in shared rooms that fit, best first. */
async function peopleHere(deps: UserDirectoryDeps, asker: UserId, term: string): Promise<readonly FoundUser[]> {
  const people = new Map(await deps.roomPeople.of(asker))
  for (const userId of await deps.accounts.list()) {
    const { displayname, avatar_url } = await deps.profiles.memberContent(userId)
    people.set(userId, { userId, displayName: displayname, avatarUrl: avatar_url })
  }
  const ranked = [...people.values()].flatMap((person) => {
    const rank = rankOf(person, term)
    return rank === undefined ? [] : [{ person, rank }]
  })
  ranked.sort((a, b) => a.rank - b.rank || (a.person.userId < b.person.userId ? -1 : 1))
  return ranked.map(({ person }) => person)
}

/** What the network does not answer in time, or fails at, is an empty answer: the people here are still worth showing. */
async function peopleElsewhere(
  deps: UserDirectoryDeps,
  term: string,
  limit: number,
  signal: AbortSignal,
): Promise<readonly FoundUser[]> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(NETWORK_TIME_MS)])
  const inTime = new Promise<readonly FoundUser[]>((resolve) => {
    deadline.addEventListener('abort', () => resolve([]), { once: true })
  })
  const search = deps.userSearch.search(term, limit, { signal: deadline }).catch((error: unknown) => {
    if (!deadline.aborted) deps.logger.warn({ error: String(error) }, 'user search failed')
    return []
  })
  return Promise.race([search, inTime])
}

function merge(near: readonly FoundUser[], far: readonly FoundUser[], asker: UserId): readonly FoundUser[] {
  const found = new Map<UserId, FoundUser>()
  for (const person of [...near, ...far]) {
    if (person.userId !== asker && !found.has(person.userId)) found.set(person.userId, person)
  }
  return [...found.values()]
}

function asResult({ userId, displayName, avatarUrl }: FoundUser): object {
  return {
    user_id: userId,
    ...(displayName !== undefined && { display_name: displayName }),
    ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
  }
}
