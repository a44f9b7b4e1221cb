import type { BatchOperation, EventId, KeyValueStore, RoomId, UserId } from '@starling/protocol'
import { LruMap } from '../../store/lru-map.ts'
import { Table } from '../../store/table.ts'
import { NetBucket } from '../buckets.ts'
import { netLimits } from '../limits.ts'
import { atPosition, type Positions } from './positions.ts'

export type ReceiptType = 'm.read' | 'm.read.private' | 'm.fully_read'

/** Fits matrix-api's port of the same name. */
export interface Receipt {
  readonly type: ReceiptType
  readonly userId: UserId
  readonly eventId: EventId
  /** undefined (unthreaded), `main`, or a thread root. */
  readonly threadId: string | undefined
  readonly ts: number
  readonly position: number
}

interface ReceiptRow {
  readonly eventId: EventId
  readonly ts: number
  readonly position: number
}

type ReceiptKey = [RoomId, UserId, ReceiptType, string]

const rows = new Table<ReceiptKey, ReceiptRow>(NetBucket.receipt, ['text', 'text', 'text', 'text'])
const stream = new Table<[RoomId, number], [UserId, ReceiptType, string]>(NetBucket.receiptStream, ['text', 'int'])

/** Rooms of which is remembered how new their newest receipt is; one that is forgotten costs a look more. */
const MAX_REMEMBERED = 10_000

/**
 * Read receipts, durable. One row per user, type and thread, and one in the room's stream at the position where it was set. Of
 * a user's threads in a room the one read longest ago is dropped first.
 */
export class Receipts {
  readonly #store: KeyValueStore
  readonly #positions: Positions
  /** Writes of one room run one after the other: each reads what it replaces. */
  readonly #tails = new Map<RoomId, Promise<void>>()
  /** No receipt of the room is newer. Each sync asks, and a look into the store that finds nothing is as dear as any. */
  readonly #newest = new LruMap<RoomId, number>(MAX_REMEMBERED)
  /** Moves when a write begins and when it ends: what was read meanwhile is not remembered. */
  #writes = 0

  constructor(store: KeyValueStore, positions: Positions) {
    this.#store = store
    this.#positions = positions
  }

  /** Durable when it resolves. False if there is a newer one (by `ts`) or the same. */
  async set(roomId: RoomId, receipt: Omit<Receipt, 'position'>): Promise<boolean> {
    const before = this.#tails.get(roomId) ?? Promise.resolve()
    let changed = false
    const write = before.then(async () => {
      changed = await this.#write(roomId, receipt)
    })
    const tail = write.catch(() => undefined)
    this.#tails.set(roomId, tail)
    try {
      await write
      return changed
    } finally {
      if (this.#tails.get(roomId) === tail) this.#tails.delete(roomId)
    }
  }

  /** Receipts with `from < position <= to`, oldest first. */
  async between(roomId: RoomId, from: number, to: number): Promise<readonly Receipt[]> {
    if (to <= from || (this.#newest.get(roomId) ?? Number.POSITIVE_INFINITY) <= from) return []
    const writes = this.#writes
    const found: ReceiptKey[] = []
    let newest = from
    for await (const { key, value } of stream.between(this.#store, [roomId], { from: from + 1 })) {
      newest = key[1]
      if (newest <= to) found.push([roomId, ...value])
    }
    if (writes === this.#writes) this.#newest.set(roomId, newest)
    const values = await rows.getMany(this.#store, found)
    return found.flatMap(([, userId, type, threadId], index) => {
      const row = values[index]
      return row && row.position > from && row.position <= to ? [receiptOf(userId, type, threadId, row)] : []
    })
  }

  /** The newest receipts of a room, newest first. */
  async newest(roomId: RoomId, after: number, limit: number): Promise<readonly Receipt[]> {
    const found: Receipt[] = []
    const bounds = { from: after + 1 }
    for await (const { key, value } of stream.between(this.#store, [roomId], bounds, { reverse: true })) {
      const row = await rows.get(this.#store, roomId, ...value)
      if (row?.position === key[1]) found.push(receiptOf(...value, row))
      if (found.length >= limit) break
    }
    return found
  }

  async get(roomId: RoomId, userId: UserId, type: ReceiptType, threadId?: string): Promise<Receipt | undefined> {
    const row = await rows.get(this.#store, roomId, userId, type, threadId ?? '')
    return row && receiptOf(userId, type, threadId ?? '', row)
  }

  async #write(roomId: RoomId, receipt: Omit<Receipt, 'position'>): Promise<boolean> {
    const { userId, type, eventId, ts } = receipt
    const key: ReceiptKey = [roomId, userId, type, receipt.threadId ?? '']
    const before = await rows.get(this.#store, ...key)
    if (before && (before.ts > ts || before.eventId === eventId)) return false
    this.#changing(roomId)
    await atPosition(this.#positions, { rooms: [roomId] }, async (position) => {
      const operations: BatchOperation[] = [
        rows.put(key, { eventId, ts, position }),
        stream.put([roomId, position], [userId, type, key[3]]),
      ]
      if (before) operations.push(stream.del([roomId, before.position]))
      else if (key[3] !== '') operations.push(...(await this.#overflow(roomId, userId)))
      // Before anybody hears of it.
      await this.#store.batch(operations).finally(() => this.#changing(roomId))
    })
    return true
  }

  #changing(roomId: RoomId): void {
    this.#writes += 1
    this.#newest.delete(roomId)
  }

  async #overflow(roomId: RoomId, userId: UserId): Promise<BatchOperation[]> {
    const threaded: { readonly key: ReceiptKey; readonly position: number }[] = []
    for await (const { key, value } of rows.scan(this.#store, [roomId, userId])) {
      if (key[3] !== '') threaded.push({ key, position: value.position })
    }
    const excess = threaded.length + 1 - netLimits.receiptsPerUserAndRoom
    if (excess <= 0) return []
    const oldest = threaded.sort((a, b) => a.position - b.position).slice(0, excess)
    return oldest.flatMap(({ key, position }) => [rows.del(key), stream.del([roomId, position])])
  }
}

function receiptOf(userId: UserId, type: ReceiptType, threadId: string, row: ReceiptRow): Receipt {
  const { eventId, ts, position } = row
  return { type, userId, eventId, threadId: threadId === '' ? undefined : threadId, ts, position }
}
