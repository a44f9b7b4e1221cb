import type { Clock, UserId } from '@starling/protocol'
import type { RoomReader } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'

/** Users whose people are remembered, and for how long, in ms: a change is noticed that much later, or at the next sync. */
const MAX_USERS = 500
const FRESH_MS = 60_000

interface Known {
  readonly people: ReadonlySet<UserId>
  readonly at: number
}

/**
 * With whom a user shares a room, for waking long-polls when presence changes. May be a minute old: who is told what is
 * decided afresh when the answer is put together.
 */
export class KnownPeople {
  readonly #reader: Pick<RoomReader, 'sharesRoomWith'>
  readonly #clock: Clock
  readonly #known = new LruCache<UserId, Known>(MAX_USERS)

  constructor(reader: Pick<RoomReader, 'sharesRoomWith'>, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
  }

  async of(userId: UserId): Promise<ReadonlySet<UserId>> {
    const known = this.#known.get(userId)
    const now = this.#clock.now()
    if (known && now - known.at < FRESH_MS) return known.people
    const people = await this.#reader.sharesRoomWith(userId)
    this.#known.set(userId, { people, at: now })
    return people
  }
}
