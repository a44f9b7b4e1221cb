import type { OutboxRow, PduOutbox } from '../contracts.ts'
import type { Database } from './database.ts'
import type { EventStore } from './event-store.ts'
import { tables } from './tables.ts'

/** Local events still to be published. Rows are written in their event's own batch; their ids are its stream position. */
export class StoredOutbox implements PduOutbox {
  readonly #database: Database
  readonly #events: EventStore

  constructor(database: Database, events: EventStore) {
    this.#database = database
    this.#events = events
  }

  async pending(limit: number, after = 0): Promise<readonly OutboxRow[]> {
    const rows: OutboxRow[] = []
    for await (const { key, value } of tables.outbox.between(
      this.#database.durable,
      [],
      { from: after + 1 },
      { limit },
    )) {
      const event = await this.#events.get(value.eventId)
      // An event that was purged with its room has nobody left to go to.
      if (event) rows.push({ id: key[0], roomId: value.roomId, pdu: event.pdu })
      else await this.done([key[0]])
    }
    return rows
  }

  async done(ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return
    // Not durable by itself: after a crash an event is published twice, which receivers do not notice.
    await this.#database.durable.batch(
      ids.map((id) => tables.outbox.del([id])),
      { durable: false },
    )
  }
}
