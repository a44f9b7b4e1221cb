import type { AbortOptions, Clock, JsonObject, UserId } from '@starling/protocol'
import type { Position, RemoteServers, RoomEvent, RoomReader, StreamPositions } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'

export interface RemoteProfilesDeps {
  readonly remote: Pick<RemoteServers, 'profile'>
  readonly reader: Pick<RoomReader, 'roomsOf' | 'stateEvent'>
  readonly positions: Pick<StreamPositions, 'current'>
  readonly clock: Clock
}

interface Kept {
  readonly profile: JsonObject
  /** When it was asked for: milliseconds, and the stream position. */
  readonly at: number
  readonly position: Position
}

/** Clients ask for the same few people again and again. A member event that came since says that the name has changed. */
const FRESH_MS = 60_000

/** Profiles kept; the longest unused goes first. */
const MAX_KEPT = 2_000

/** Rooms looked through for a member event of somebody whose server is away. */
const MAX_ROOMS = 50

/** Profiles of other servers' users: asked for there, kept a minute, and while the server is away as last known. */
export class RemoteProfiles {
  readonly #deps: RemoteProfilesDeps
  readonly #kept = new LruCache<UserId, Kept>(MAX_KEPT)

  constructor(deps: RemoteProfilesDeps) {
    this.#deps = deps
  }

  /** Undefined where there is no such user. Throws `RoomError` `unreachable` where nobody knows. */
  async get(userId: UserId, askedBy: UserId, options?: AbortOptions): Promise<JsonObject | undefined> {
    const kept = this.#kept.get(userId)
    if (kept && (await this.#isFresh(kept, userId, askedBy))) return kept.profile
    const position = this.#deps.positions.current()
    try {
      const profile = await this.#deps.remote.profile(userId, options)
      if (profile) this.#kept.set(userId, { profile, position, at: this.#deps.clock.now() })
      return profile
    } catch (error) {
      const known = kept?.profile ?? (await this.#fromRooms(userId, askedBy))
      if (known) return known
      throw error
    }
  }

  async #isFresh(kept: Kept, userId: UserId, askedBy: UserId): Promise<boolean> {
    if (this.#deps.clock.now() - kept.at >= FRESH_MS) return false
    for await (const { order } of this.#memberEvents(userId, askedBy)) {
      if (order !== undefined && order > kept.position) return false
    }
    return true
  }

  /** Name and avatar as the rooms that both are in have them. */
  async #fromRooms(userId: UserId, askedBy: UserId): Promise<JsonObject | undefined> {
    for await (const { pdu } of this.#memberEvents(userId, askedBy)) {
      const { membership, displayname, avatar_url } = pdu.content
      if (membership !== 'join') continue
      return {
        ...(typeof displayname === 'string' && { displayname }),
        ...(typeof avatar_url === 'string' && { avatar_url }),
      }
    }
    return undefined
  }

  async *#memberEvents(userId: UserId, askedBy: UserId): AsyncIterable<RoomEvent> {
    const rooms = (await this.#deps.reader.roomsOf(askedBy)).filter((room) => room.membership === 'join')
    for (const { roomId } of rooms.slice(0, MAX_ROOMS)) {
      const event = await this.#deps.reader.stateEvent(roomId, 'm.room.member', userId)
      if (event) yield event
    }
  }
}
