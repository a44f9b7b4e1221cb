import type { RoomId } from '@starling/protocol'
import type { StateStore } from '../state/state-store.ts'
import { type Database, StoreWriteError } from '../store/database.ts'
import type { EventStore } from '../store/event-store.ts'
import type { StreamPositionCounter } from '../store/stream-positions.ts'
import { tables } from '../store/tables.ts'
import type { JoinedServers } from './joined-servers.ts'
import { headRow, type RoomHead } from './room-head.ts'
import type { RoomHeads } from './room-heads.ts'
import type { RoomQueues } from './room-queues.ts'
import { RoomTransaction } from './room-transaction.ts'
import type { RoomWatchers } from './room-watchers.ts'

export interface WriterParts {
  readonly database: Database
  readonly events: EventStore
  readonly states: StateStore
  readonly positions: StreamPositionCounter
  readonly heads: RoomHeads
  readonly queues: RoomQueues
  readonly joinedServers: JoinedServers
  readonly watchers: RoomWatchers
}

/**
 * The one place where rooms are written. `transact` gives each room one writer at a time; what it wrote goes to the
 * database as one batch. The room's next writer starts as soon as that batch is submitted and builds on it while its flush
 * still runs; both callers are answered only when their own batch is durable and readers see it. Batches become durable in the order of
 * submission, and a failed one takes all later ones with it, so no event is ever left standing on a lost one.
 */
export class RoomWriter {
  readonly #parts: WriterParts

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  /** @throws QueueFullError, StoreWriteError, and whatever `work` throws, in which case nothing was written. */
  async transact<T>(roomId: RoomId, work: (transaction: RoomTransaction) => Promise<T>): Promise<T> {
    const { result, written, settle } = await this.#parts.queues.run(roomId, () => this.#run(roomId, work))
    await settle(written)
    return result
  }

  async #run<T>(roomId: RoomId, work: (transaction: RoomTransaction) => Promise<T>) {
    const { database, heads } = this.#parts
    const failures = database.failures
    const before = await heads.writing(roomId)
    const transaction = new RoomTransaction(roomId, before, this.#parts)
    let result: T
    try {
      result = await work(transaction)
      if (database.failures !== failures) throw new StoreWriteError('the state that this was built on has been lost')
    } catch (error) {
      transaction.abandon()
      throw error
    }
    // What only read must not be answered before what it has seen is durable.
    if (transaction.empty) return { result, written: database.flushed(), settle: settleWith(transaction) }
    const head = transaction.head
    if (head && head !== before) transaction.write(tables.head.put([head.number], headRow(head)))
    const written = transaction.submit()
    if (!head || head === before) return { result, written, settle: settleWith(transaction) }
    const showHead = heads.submitted(head)
    const flushed = () => {
      showHead()
      if (head.servers !== before?.servers) this.#showServers(head, transaction)
    }
    return { result, written, settle: settleWith(transaction, flushed) }
  }

  #showServers(head: RoomHead, transaction: RoomTransaction): void {
    const { joinedServers, watchers } = this.#parts
    if (joinedServers.set(head.roomId, head.servers)) {
      transaction.afterwards(() => watchers.serversChanged(head.roomId))
    }
  }
}

function settleWith(transaction: RoomTransaction, flushed?: () => void): (written: Promise<void>) => Promise<void> {
  return async (written) => {
    try {
      await written
    } catch (error) {
      transaction.abandon()
      throw error
    }
    flushed?.()
    transaction.durable()
    await transaction.shown()
  }
}
