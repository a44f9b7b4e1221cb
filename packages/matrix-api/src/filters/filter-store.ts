import { createHash } from 'node:crypto'
import type { Clock, JsonObject, KeyValueStore, UserId } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'

interface FilterRow {
  readonly definition: JsonObject
  /** Milliseconds since the Unix epoch. */
  readonly created: number
}

/** Filters kept per user; beyond that the oldest goes (clients define theirs again at login). */
export const MAX_FILTERS = 200

/** Filters by user and id. The same definition gets the same id, so clients that define theirs at each start add nothing. */
export interface FilterStore {
  define(userId: UserId, definition: JsonObject): Promise<string>
  get(userId: UserId, filterId: string): Promise<JsonObject | undefined>
}

export function createFilterStore(store: KeyValueStore, clock: Clock): FilterStore {
  const table = defineTable<[userId: string, filterId: string], FilterRow>(store, buckets.filters, 'ss')
  const queue = new KeyedQueue()
  return {
    define(userId, definition) {
      const filterId = idOf(definition)
      return queue.run(userId, async () => {
        if (await table.get(userId, filterId)) return filterId
        const rows = await Array.fromAsync(table.scan([userId]))
        const surplus = rows
          .sort((a, b) => a.row.created - b.row.created)
          .slice(0, Math.max(0, rows.length + 1 - MAX_FILTERS))
        await store.batch([
          ...surplus.map(({ key }) => table.del(...key)),
          table.put([userId, filterId], { definition, created: clock.now() }),
        ])
        return filterId
      })
    },
    async get(userId, filterId) {
      return (await table.get(userId, filterId))?.definition
    },
  }
}

/** Never begins with `{`, which would make it an inline filter. */
function idOf(definition: JsonObject): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('base64url').slice(0, 22)
}
