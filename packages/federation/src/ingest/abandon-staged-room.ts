import { type BatchOperation, type EventId, type RoomId, serverOf } from '@starling/protocol'
import { breathe } from '../breathe.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { Database } from '../store/database.ts'
import type { EventStore } from '../store/event-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { type RoomNumber, tables } from '../store/tables.ts'

/** Rows removed per batch, so that a large room does not hold up others' writes. */
const ROWS_PER_BATCH = 1_000

export interface AbandonParts {
  readonly database: Database
  readonly events: EventStore
  readonly registry: RoomRegistry
  readonly keys: { readonly serverName: string }
}

/**
 * Takes away what was staged of a room that is not entered after all. Invites and knocks of local users stay, and of a room
 * that was left earlier everything (its outliers are checked events like others). Safe to repeat after a crash.
 */
export async function abandonStagedRoom(
  roomId: RoomId,
  transaction: RoomTransaction,
  parts: AbandonParts,
): Promise<void> {
  const room = await parts.registry.get(roomId)
  if (!room || transaction.head) return
  await parts.database.flushed()
  const removal = new Removal(parts.database)
  const kept = await removeMembers(room.number, removal, parts)
  for await (const { key } of tables.citation.scan(parts.database.durable, [room.number])) {
    await removal.add(tables.citation.del(key))
  }
  const removed = await removeEvents(room.number, kept, removal, parts)
  if (kept.size === 0) {
    await removal.add(tables.room.del([roomId]), tables.roomNumber.del([room.number]))
    parts.registry.forget(roomId)
  }
  await removal.finish()
  for (const eventId of removed) parts.events.forget(eventId)
}

/** Rows of other servers' users go. @returns the member events that rows of local users name. */
async function removeMembers(
  room: RoomNumber,
  removal: Removal,
  { database, keys }: AbandonParts,
): Promise<ReadonlySet<EventId>> {
  const kept = new Set<EventId>()
  for await (const { key } of tables.roomMember.scan(database.durable, [room])) {
    const userId = key[1]
    if (serverOf(userId) === keys.serverName) {
      const row = await tables.membership.get(database, userId, room)
      if (row) kept.add(row.eventId)
    } else await removal.add(tables.membership.del([userId, room]), tables.roomMember.del(key))
  }
  return kept
}

async function removeEvents(
  room: RoomNumber,
  kept: ReadonlySet<EventId>,
  removal: Removal,
  { database }: AbandonParts,
): Promise<EventId[]> {
  const removed: EventId[] = []
  for await (const { key } of tables.roomEvent.scan(database.durable, [room])) {
    if (kept.has(key[1])) continue
    removed.push(key[1])
    await removal.add(tables.event.del([key[1]]), tables.roomEvent.del(key))
  }
  return removed
}

class Removal {
  readonly #database: Database
  #batch: BatchOperation[] = []

  constructor(database: Database) {
    this.#database = database
  }

  async add(...operations: readonly BatchOperation[]): Promise<void> {
    this.#batch.push(...operations)
    if (this.#batch.length < ROWS_PER_BATCH) return
    await this.finish()
    await breathe()
  }

  async finish(): Promise<void> {
    if (this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    await this.#database.submit(batch)
  }
}
