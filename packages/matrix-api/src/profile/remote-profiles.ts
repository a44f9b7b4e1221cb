import type { AbortOptions, Clock, JsonObject, UserId } from '@starling/protocol'
import type { RemoteServers, RoomReader } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'

export interface RemoteProfilesDeps {
  readonly remote: Pick<RemoteServers, 'profile'>
  readonly reader: Pick<RoomReader, 'roomsOf' | 'stateEvent'>
  readonly clock: Clock
}

/** Clients ask for the same few people again and again; a changed name comes by member events anyway. */
const FRESH_MS = 60_000

/** Profiles kept; the longest unused goes first. */
const MAX_KEPT = 2_000

/** Rooms looked through for a member event of somebody whose server is away. */
const MAX_ROOMS = 50

/** Profiles of other servers' users: asked for there, kept a minute, and while the server is away as last known. */
export class RemoteProfiles {
  readonly #deps: RemoteProfilesDeps
  readonly #kept = new LruCache<UserId, { readonly profile: JsonObject; readonly at: number }>(MAX_KEPT)

  constructor(deps: RemoteProfilesDeps) {
    this.#deps = deps
  }

  /** Undefined where there is no such user. Throws `RoomError` `unreachable` where nobody knows. */
  async get(userId: UserId, askedBy: UserId, options?: AbortOptions): Promise<JsonObject | undefined> {
    const kept = this.#kept.get(userId)
    if (kept && this.#deps.clock.now() - kept.at < FRESH_MS) return kept.profile
    try {
      const profile = await this.#deps.remote.profile(userId, options)
      if (profile) this.#kept.set(userId, { profile, at: this.#deps.clock.now() })
      return profile
    } catch (error) {
      const known = kept?.profile ?? (await this.#fromRooms(userId, askedBy))
      if (known) return known
      throw error
    }
  }

  /** Name and avatar as the rooms that both are in have them. */
  async #fromRooms(userId: UserId, askedBy: UserId): Promise<JsonObject | undefined> {
    const rooms = (await this.#deps.reader.roomsOf(askedBy)).filter((room) => room.membership === 'join')
    for (const { roomId } of rooms.slice(0, MAX_ROOMS)) {
      const content = (await this.#deps.reader.stateEvent(roomId, 'm.room.member', userId))?.pdu.content
      if (content?.membership !== 'join') continue
      const { displayname, avatar_url } = content
      return {
        ...(typeof displayname === 'string' && { displayname }),
        ...(typeof avatar_url === 'string' && { avatar_url }),
      }
    }
    return undefined
  }
}
