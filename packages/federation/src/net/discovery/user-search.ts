import type { AbortOptions, ServerName } from '@starling/protocol'
import { localpartOf } from '@starling/protocol'
import type { PeerHint, Rendezvous, Transport } from '../../ports.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import { type Ground, withTimeout } from '../ports.ts'
import { raceAbort } from '../race-abort.ts'
import type { Reach } from '../requests/reach.ts'
import type { FoundUser, Listings } from './listings.ts'
import { foldName, LONGEST_SUFFIX, namePoint } from './rendezvous-points.ts'
import { parseSearchTerm, type SearchTerm } from './search-term.ts'

export interface UserSearchParts {
  readonly ground: Ground
  readonly serverName: ServerName
  readonly transport: Transport
  readonly rendezvous: Rendezvous
  readonly bindings: PeerBindings
  readonly reach: Reach
  readonly listings: Listings
  /** `off` only in the twin test that shows what it is for. */
  readonly suffixCheck?: 'on' | 'off'
}

/** Takes a hit; false once there are enough. */
type Yield = (user: FoundUser) => boolean

interface Search {
  readonly yield: Yield
  readonly signal: AbortSignal
}

/**
 * Finds people on other nodes (DESIGN section 4, "User search"): those on connected nodes, and those that a rendezvous
 * lookup leads to. What a lookup returns is a hint: the peer is dialled, has to prove by its keys to be the server whose name
 * was asked for, and has to answer, signed, who its people are; else nothing of it is shown and nothing is sent to it.
 */
export class NetUserSearch {
  readonly #parts: UserSearchParts
  #running = 0

  constructor(parts: UserSearchParts) {
    this.#parts = parts
  }

  /** Resolves within the time bound with what was found by then. */
  async search(typed: string, limit: number, options?: AbortOptions): Promise<readonly FoundUser[]> {
    const term = parseSearchTerm(typed)
    if (!term || limit <= 0) return []
    const enough = new AbortController()
    const signal = AbortSignal.any([withTimeout(netLimits.searchTimeoutMs, options), enough.signal])
    const found = new Map<string, FoundUser>()
    const take: Yield = (user) => {
      if (!signal.aborted) found.set(user.userId, user)
      if (found.size >= limit) enough.abort()
      return found.size < limit
    }
    this.#running += 1
    try {
      await raceAbort(this.#find(term, { yield: take, signal }), signal)
    } finally {
      this.#running -= 1
    }
    return [...found.values()].slice(0, limit)
  }

  async #find(term: SearchTerm, search: Search): Promise<void> {
    const { listings, reach } = this.#parts
    switch (term.kind) {
      case 'user': {
        const user = await listings.user(term.userId, search)
        if (user) search.yield(user)
        return
      }
      case 'server': {
        await Promise.all(term.addresses.map((address) => reach.identify(address, search)))
        if (term.server !== this.#parts.serverName) await this.#listed(term.server, search, () => true)
        return
      }
      case 'peer': {
        const server = await reach.identify(term.target, search)
        if (server !== undefined && server !== this.#parts.serverName) await this.#listed(server, search, () => true)
        return
      }
      case 'named':
        await this.#named(term.name, term.suffix, search)
        return
      case 'text':
        await this.#connected(search, (user) => matchesText(user, term.text))
    }
  }

  async #named(name: string, suffix: string, search: Search): Promise<void> {
    const wanted = foldName(name)
    const fits = (user: FoundUser) => foldName(user.displayName ?? localpartOf(user.userId)) === wanted
    const onConnected = this.#connected(search, fits, suffix)
    // Every lookup dials strangers: only so many at once, the rest sees who is connected.
    const byLookup = this.#running > netLimits.searchesAtOnce ? undefined : this.#lookUp(name, suffix, search, fits)
    await Promise.all([onConnected, byLookup])
  }

  async #lookUp(name: string, suffix: string, search: Search, fits: (user: FoundUser) => boolean): Promise<void> {
    const point = namePoint(name, suffix.slice(-LONGEST_SUFFIX))
    const tried: Promise<void>[] = []
    try {
      for await (const hint of this.#parts.rendezvous.find(point, { signal: search.signal })) {
        tried.push(this.#follow(hint, suffix, search, fits))
        if (tried.length >= netLimits.searchHints || search.signal.aborted) break
      }
    } catch (error) {
      this.#parts.ground.logger.debug({ error }, 'a rendezvous lookup failed')
    }
    await Promise.all(tried)
  }

  async #follow(hint: PeerHint, suffix: string, search: Search, fits: (user: FoundUser) => boolean): Promise<void> {
    const { ground, reach, serverName, suffixCheck, transport } = this.#parts
    await transport.rememberAddresses(hint)
    const server = await reach.identify(hint.peerId, search)
    if (server === undefined || server === serverName) return
    if (!server.endsWith(suffix) && suffixCheck !== 'off') {
      ground.count('rendezvous_liar', 'suffix')
      return
    }
    await this.#listed(server, search, fits)
  }

  async #connected(search: Search, fits: (user: FoundUser) => boolean, suffix = ''): Promise<void> {
    const servers = this.#parts.bindings.servers().filter((server) => server.endsWith(suffix))
    const others = servers.filter((server) => server !== this.#parts.serverName)
    await Promise.all(others.map((server) => this.#listed(server, search, fits)))
  }

  async #listed(server: ServerName, search: Search, fits: (user: FoundUser) => boolean): Promise<void> {
    for (const user of await this.#parts.listings.of(server)) if (fits(user) && !search.yield(user)) return
  }
}

/** Anywhere in the display name, or at the beginning of the id. */
function matchesText(user: FoundUser, text: string): boolean {
  const wanted = foldName(text)
  if (user.displayName !== undefined && foldName(user.displayName).includes(wanted)) return true
  const id = user.userId.toLowerCase()
  return id.startsWith(wanted) || id.slice(1).startsWith(wanted)
}
