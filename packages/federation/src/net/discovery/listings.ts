import type { AbortOptions, JsonObject, ServerName, UserId } from '@starling/protocol'
import { isJsonObject, parseUserId, serverOf } from '@starling/protocol'
import type { ServerRequests } from '../../contracts.ts'
import { LruMap } from '../../store/lru-map.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import { RequestError } from '../requests/request-error.ts'
import { OWNER_URI } from './owner-answer.ts'

/** Fits matrix-api's port of the same name. */
export interface FoundUser {
  readonly userId: UserId
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
}

const MAX_NAME = 256
const MAX_URL = 1_024

/**
 * Asks servers for their people. Answers are signed by the server asked, and only users of its own are taken from it. Kept for a
 * short while, so that a search typed letter by letter asks once; the least recently used is dropped first.
 */
export class Listings {
  readonly #ground: Ground
  readonly #requests: ServerRequests
  readonly #kept = new LruMap<ServerName, { readonly at: number; readonly users: Promise<readonly FoundUser[]> }>(
    netLimits.listingsKept,
  )

  constructor(ground: Ground, requests: ServerRequests) {
    this.#ground = ground
    this.#requests = requests
  }

  /** Those who agreed to be found. Empty where the server does not answer; never throws a `RequestError`. */
  of(server: ServerName): Promise<readonly FoundUser[]> {
    const now = this.#ground.clock.now()
    const kept = this.#kept.get(server)
    if (kept && now < kept.at + netLimits.listingTtlMs) return kept.users
    const users = this.#ask(server)
    this.#kept.set(server, { at: now, users })
    return users
  }

  /** One user by id, discoverable or not: who knows the whole id may see the profile (server-server API, "Querying for information"). */
  async user(userId: UserId, options?: AbortOptions): Promise<FoundUser | undefined> {
    const uri = `/_matrix/federation/v1/query/profile?${new URLSearchParams({ user_id: userId })}`
    try {
      const profile = await this.#requests.request(serverOf(userId), 'GET', uri, undefined, {
        ...options,
        timeoutMs: netLimits.searchTimeoutMs,
        maxResponseBytes: 64 * 1024,
      })
      return foundUser(userId, profile)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      this.#ground.logger.debug({ userId, code: error.code }, 'a user searched for was not found')
      return undefined
    }
  }

  async #ask(server: ServerName): Promise<readonly FoundUser[]> {
    try {
      const answer = await this.#requests.request(server, 'GET', OWNER_URI, undefined, {
        timeoutMs: netLimits.listingTimeoutMs,
        maxResponseBytes: 64 * 1024,
      })
      return readListing(answer, server)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      this.#kept.delete(server)
      this.#ground.logger.debug({ server, code: error.code }, 'a server did not say who its people are')
      return []
    }
  }
}

function readListing(answer: JsonObject, server: ServerName): readonly FoundUser[] {
  const users = Array.isArray(answer.users) ? (answer.users as readonly unknown[]) : []
  return users.slice(0, netLimits.usersPerListing).flatMap((entry) => {
    const userId = isJsonObject(entry) ? parseUserId(entry.user_id) : undefined
    return isJsonObject(entry) && userId && serverOf(userId) === server ? [foundUser(userId, entry)] : []
  })
}

function foundUser(userId: UserId, profile: JsonObject): FoundUser {
  const { displayname, avatar_url: avatar } = profile
  return {
    userId,
    displayName: typeof displayname === 'string' ? displayname.slice(0, MAX_NAME) : undefined,
    avatarUrl:
      typeof avatar === 'string' && avatar.startsWith('mxc://') && avatar.length <= MAX_URL ? avatar : undefined,
  }
}
