import type { RoomId, UserId } from '@starling/protocol'
import type { Position, RoomMembership, RoomReader, StreamPositions } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import { departureOf, ownMemberships } from '../rooms/own-memberships.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { roomsTouched } from '../sync/rooms-touched.ts'

/** Users whose order is kept; the longest unused is built anew when they come back. */
const MAX_USERS = 200
const CONCURRENCY = 16

/** A room in a user's order. */
export interface OrderedRoom {
  readonly row: RoomMembership
  /** The position of its last activity as far as the user may know of it: higher is more recent. */
  readonly activity: Position
  /** `refused`: left without ever having been joined (an invite rejected or withdrawn, a knock). */
  readonly kind: 'joined' | 'invited' | 'knocked' | 'departed' | 'refused'
  /** Left by the user's own doing: not shown to a client that never had it (MSC4186, "Lists"). */
  readonly leftByOneself: boolean
}

export interface RoomOrder {
  /** All of the user's rooms but the forgotten ones, the most recently active first. */
  readonly rooms: readonly OrderedRoom[]
  readonly byId: ReadonlyMap<RoomId, OrderedRoom>
  /** It is as of this position, or a little newer. */
  readonly position: Position
  /** What it was made of: the reader hands out the same until a membership changes. */
  readonly rows: readonly RoomMembership[]
}

/**
 * Every user's rooms by recent activity (MSC4186, "Activity ordering"), built once and then kept by position: an update
 * reads what was touched.
 */
export class UserRoomOrders {
  readonly #reader: RoomReader
  readonly #positions: StreamPositions
  readonly #orders = new LruCache<UserId, RoomOrder>(MAX_USERS)
  readonly #queue = new KeyedQueue()

  constructor(reader: RoomReader, positions: StreamPositions) {
    this.#reader = reader
    this.#positions = positions
  }

  /** Up to now. */
  of(userId: UserId): Promise<RoomOrder> {
    return this.#queue.run(userId, async () => {
      const position = this.#positions.current()
      const before = this.#orders.get(userId)
      const touched = before && (await roomsTouched(this.#positions, before.position))
      const rows = await this.#reader.roomsOf(userId)
      const order = await this.#update(userId, before, rows, touched, position)
      this.#orders.set(userId, order)
      return order
    })
  }

  async #update(
    userId: UserId,
    before: RoomOrder | undefined,
    rows: readonly RoomMembership[],
    touched: ReadonlySet<RoomId> | undefined,
    position: Position,
  ): Promise<RoomOrder> {
    if (before && before.rows === rows && touched?.size === 0) return { ...before, position }
    const byId = new Map<RoomId, OrderedRoom>()
    const stale: RoomMembership[] = []
    for (const row of rows) {
      if (row.forgotten) continue
      const known = before?.byId.get(row.roomId)
      if (known && touched && !touched.has(row.roomId) && isSame(known.row, row)) byId.set(row.roomId, known)
      else stale.push(row)
    }
    if (before && stale.length === 0 && byId.size === before.byId.size) return { ...before, rows, position }
    for (const room of await mapConcurrent(stale, CONCURRENCY, (row) => this.#room(userId, row))) {
      byId.set(room.row.roomId, room)
    }
    return { byId, rows, position, rooms: [...byId.values()].sort(byActivity) }
  }

  async #room(userId: UserId, row: RoomMembership): Promise<OrderedRoom> {
    const { membership, position } = row
    if (membership === 'join') {
      const activity = await this.#reader.lastChange(row.roomId)
      return { row, activity, kind: 'joined', leftByOneself: false }
    }
    const base = { row, activity: position, leftByOneself: false }
    if (membership === 'invite') return { ...base, kind: 'invited' }
    if (membership === 'knock') return { ...base, kind: 'knocked' }
    const steps = await ownMemberships(this.#reader, row.roomId, userId)
    const leftByOneself = membership === 'leave' && row.sender === userId
    return { ...base, kind: departureOf(steps) ? 'departed' : 'refused', leftByOneself }
  }
}

function isSame(left: RoomMembership, right: RoomMembership): boolean {
  return left === right || (left.eventId === right.eventId && left.position === right.position)
}

/** Ties by room id, so that the order is one. */
function byActivity(left: OrderedRoom, right: OrderedRoom): number {
  if (left.activity !== right.activity) return right.activity - left.activity
  return left.row.roomId < right.row.roomId ? -1 : 1
}
