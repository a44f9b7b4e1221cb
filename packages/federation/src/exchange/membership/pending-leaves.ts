import type { KeyValueStore, RoomId, ServerName, UserId } from '@starling/protocol'
import { Bucket } from '../../store/buckets.ts'
import { Table } from '../../store/table.ts'

export interface PendingLeave {
  readonly roomId: RoomId
  readonly userId: UserId
  /** Servers any of which can pass the leave on. */
  readonly servers: readonly ServerName[]
  /** Milliseconds since the Unix epoch. */
  readonly since: number
}

/** Leaves that wait for a server; the oldest is dropped first. Nobody but local users' own clicks makes rows here. */
const MAX_ROWS = 500
/** After this the inviter may keep the invite. */
const MAX_AGE_MS = 90 * 24 * 3_600_000

const table = new Table<[UserId, RoomId], PendingLeave>(Bucket.pendingLeave, ['text', 'text'])

/** Rejected invites and retracted knocks of which no server of the room could be told yet. Durable. */
export class PendingLeaves {
  readonly #store: KeyValueStore
  readonly #clock: { now(): number }

  constructor(store: KeyValueStore, clock: { now(): number }) {
    this.#store = store
    this.#clock = clock
  }

  async add(row: Omit<PendingLeave, 'since'>): Promise<void> {
    const rows = await this.all()
    const dropped = rows.sort((a, b) => a.since - b.since).slice(0, Math.max(0, rows.length + 1 - MAX_ROWS))
    await this.#store.batch([
      ...dropped.map((old) => table.del([old.userId, old.roomId])),
      table.put([row.userId, row.roomId], { ...row, since: this.#clock.now() }),
    ])
  }

  /** Servers that something waits for. */
  async servers(): Promise<ReadonlySet<ServerName>> {
    return new Set((await this.all()).flatMap(({ servers }) => servers))
  }

  async remove(userId: UserId, roomId: RoomId): Promise<void> {
    await this.#store.batch([table.del([userId, roomId])])
  }

  /** Rows that are not too old; those that are, are removed. */
  async all(): Promise<PendingLeave[]> {
    const rows: PendingLeave[] = []
    const stale: PendingLeave[] = []
    for await (const { value } of table.scan(this.#store, [])) {
      ;(this.#clock.now() - value.since > MAX_AGE_MS ? stale : rows).push(value)
    }
    if (stale.length > 0) await this.#store.batch(stale.map((row) => table.del([row.userId, row.roomId])))
    return rows
  }
}
