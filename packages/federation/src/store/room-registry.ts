import type { BatchOperation, RoomId } from '@starling/protocol'
import type { Database } from './database.ts'
import { LruMap } from './lru-map.ts'
import { type RoomNumber, type RoomRow, tables } from './tables.ts'

/** Rooms whose number and version are kept in memory; the least recently used go first. */
const CACHED_ROOMS = 10_000

/** Room id → short number and version. */
export class RoomRegistry {
  readonly #database: Database
  readonly #cache = new LruMap<RoomId, RoomRow>(CACHED_ROOMS)
  #next: number

  private constructor(database: Database, next: number) {
    this.#database = database
    this.#next = next
    database.onFailure(() => this.#cache.clear())
  }

  static async open(database: Database): Promise<RoomRegistry> {
    let next = 1
    for await (const { key } of tables.roomNumber.scan(database, [], { reverse: true, limit: 1 })) next = key[0] + 1
    return new RoomRegistry(database, next)
  }

  async get(roomId: RoomId): Promise<RoomRow | undefined> {
    const cached = this.#cache.get(roomId)
    if (cached) return cached
    const row = await tables.room.get(this.#database, roomId)
    if (row) this.#cache.set(roomId, row)
    return row
  }

  remember(roomId: RoomId, row: RoomRow): void {
    this.#cache.set(roomId, row)
  }

  forget(roomId: RoomId): void {
    this.#cache.delete(roomId)
  }

  /** A number for a room seen for the first time, and the rows that make it so. A lost batch wastes the number. */
  register(roomId: RoomId, version: string): { readonly row: RoomRow; readonly operations: readonly BatchOperation[] } {
    const row: RoomRow = { number: this.#next++ as RoomNumber, version }
    return {
      row,
      operations: [tables.room.put([roomId], row), tables.roomNumber.put([row.number], roomId)],
    }
  }
}
