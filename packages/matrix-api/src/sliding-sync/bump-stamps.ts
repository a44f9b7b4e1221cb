import type { RoomId } from '@starling/protocol'
import type { Position, RoomReader } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'

/** What counts as proper activity (MSC4186, "Common fields"). */
const BUMPING: ReadonlySet<string> = new Set([
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  // The name under which polls are sent by today's clients.
  'org.matrix.msc3381.poll.start',
  'm.beacon_info',
  'org.matrix.msc3672.beacon_info',
])

const MAX_ROOMS = 20_000
const PAGE = 50
/** Events looked back through: a room whose last 500 were all of other kinds counts as quiet since it was entered. */
const MAX_SCANNED = 500

interface Stamp {
  readonly upTo: Position
  /** Undefined where none was found. */
  readonly stamp: Position | undefined
}

/** When something was last said in each room, as a stream position; what was found is kept, so only newer events are read. */
export class BumpStamps {
  readonly #reader: RoomReader
  readonly #stamps = new LruCache<RoomId, Stamp>(MAX_ROOMS)

  constructor(reader: RoomReader) {
    this.#reader = reader
  }

  /** Up to the place `to`; `fallback` (the user's coming) for a room in which nothing was said. */
  async of(roomId: RoomId, to: Position, fallback: Position): Promise<Position> {
    const kept = this.#stamps.get(roomId)
    // Somebody who looks at an earlier place than others did: read by itself, and not kept.
    const usable = kept !== undefined && kept.upTo <= to ? kept : undefined
    const stamp = (await this.#newest(roomId, usable?.upTo ?? 0, to)) ?? usable?.stamp
    if (!kept || usable) this.#stamps.set(roomId, { upTo: to, stamp })
    return stamp ?? fallback
  }

  async #newest(roomId: RoomId, after: Position, upTo: Position): Promise<Position | undefined> {
    let from = upTo
    for (let scanned = 0; from > after && scanned < MAX_SCANNED; scanned += PAGE) {
      const slice = await this.#reader.timeline(roomId, { direction: 'b', from, to: after, limit: PAGE })
      const found = slice.events.find((event) => BUMPING.has(event.pdu.type))
      if (found) return found.order
      if (slice.next === undefined) return undefined
      from = slice.next
    }
    return undefined
  }
}
