import type { BatchOperation, Clock, JsonObject, KeyValueStore, ServerName } from '@starling/protocol'
import { Table } from '../../store/table.ts'
import { NetBucket } from '../buckets.ts'
import { netLimits } from '../limits.ts'

/** What waits for a server. */
export type OutboxItem =
  | { readonly kind: 'edu'; readonly edu: JsonObject }
  | { readonly kind: 'request'; readonly method: 'PUT' | 'POST'; readonly uri: string; readonly content: JsonObject }

export interface OutboxItemRow {
  /** Grows, is never used twice, also not after everything was sent and the node restarted. */
  readonly sequence: number
  readonly item: OutboxItem
}

/** There are too many servers that something waits for. */
export class OutboxFullError extends Error {
  override readonly name = 'OutboxFullError'
  readonly code = 'outbox-full'
}

interface Destination {
  last: number
  count: number
}

const rows = new Table<[ServerName, number], OutboxItem>(NetBucket.destinationOutbox, ['text', 'int'])

/** The durable rows of the outbox, in order per destination, bounded: the oldest of a destination is dropped first. */
export class DestinationRows {
  readonly #store: KeyValueStore
  readonly #clock: Clock
  readonly #destinations = new Map<ServerName, Destination>()

  constructor(store: KeyValueStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Finds out what waits for whom since before the start. */
  async open(): Promise<readonly ServerName[]> {
    for await (const { key } of rows.scan(this.#store, [])) this.#count(key[0], key[1], 1)
    return [...this.#destinations.keys()]
  }

  /** Durable when it resolves: all rows in one batch. Number of older rows that were dropped to make room. */
  async add(items: readonly (readonly [ServerName, OutboxItem])[]): Promise<number> {
    const operations: BatchOperation[] = []
    const touched = new Set<ServerName>()
    for (const [server, item] of items) {
      const destination = this.#destination(server)
      destination.last = Math.max(destination.last + 1, this.#clock.now() * 1000)
      destination.count += 1
      operations.push(rows.put([server, destination.last], item))
      touched.add(server)
    }
    let dropped = 0
    for (const server of touched) {
      const drop = await this.#overflow(server)
      dropped += drop.length
      operations.push(...drop)
    }
    await this.#store.batch(operations)
    return dropped
  }

  /** The oldest rows. */
  async first(server: ServerName, limit: number): Promise<readonly OutboxItemRow[]> {
    const found: OutboxItemRow[] = []
    for await (const { key, value } of rows.scan(this.#store, [server], { limit })) {
      found.push({ sequence: key[1], item: value })
    }
    return found
  }

  /** Not flushed: a row that comes back after a crash is sent once more, and the receiver knows it by its ids. */
  async remove(server: ServerName, sequences: readonly number[]): Promise<void> {
    await this.#store.batch(
      sequences.map((sequence) => rows.del([server, sequence])),
      { durable: false },
    )
    const destination = this.#destination(server)
    destination.count = Math.max(0, destination.count - sequences.length)
    if (destination.count === 0) this.#destinations.delete(server)
  }

  has(server: ServerName): boolean {
    return this.#destinations.has(server)
  }

  #destination(server: ServerName): Destination {
    const known = this.#destinations.get(server)
    if (known) return known
    if (this.#destinations.size >= netLimits.destinations) {
      throw new OutboxFullError(`something waits for ${netLimits.destinations} servers already`)
    }
    const destination = { last: 0, count: 0 }
    this.#destinations.set(server, destination)
    return destination
  }

  #count(server: ServerName, sequence: number, amount: number): void {
    const destination = this.#destination(server)
    destination.last = Math.max(destination.last, sequence)
    destination.count += amount
  }

  async #overflow(server: ServerName): Promise<readonly BatchOperation[]> {
    const destination = this.#destination(server)
    const excess = destination.count - netLimits.itemsPerDestination
    if (excess <= 0) return []
    const oldest = await this.first(server, excess)
    destination.count -= oldest.length
    return oldest.map(({ sequence }) => rows.del([server, sequence]))
  }
}
