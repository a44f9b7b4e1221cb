import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { buckets } from './buckets.ts'
import { defineTable } from './table.ts'

/**
 * Remembers ids durably, per scope, so that what comes twice is done once. At most `capacity` per scope; the oldest are
 * forgotten first. Callers serialise per scope and commit the operations with what the id stands for.
 */
export class SeenIds {
  readonly #capacity: number
  readonly #ids
  readonly #byAge

  constructor(store: KeyValueStore, capacity: number) {
    this.#capacity = capacity
    this.#ids = defineTable<[scope: string, id: string], { order: number }>(store, buckets.seenIds, 'ss')
    this.#byAge = defineTable<[scope: string, order: number], { id: string }>(store, buckets.seenIdsByAge, 'sn')
  }

  async has(scope: string, id: string): Promise<boolean> {
    return (await this.#ids.get(scope, id)) !== undefined
  }

  /** Remembers an id that is not known yet. */
  async add(scope: string, id: string): Promise<BatchOperation[]> {
    const order = (await this.#newest(scope)) + 1
    const operations = [this.#ids.put([scope, id], { order }), this.#byAge.put([scope, order], { id })]
    const oldest = order - this.#capacity
    const outgrown = oldest > 0 ? await this.#byAge.get(scope, oldest) : undefined
    if (outgrown) operations.push(this.#byAge.del(scope, oldest), this.#ids.del(scope, outgrown.id))
    return operations
  }

  async forget(scope: string): Promise<BatchOperation[]> {
    const operations: BatchOperation[] = []
    for await (const { key, row } of this.#byAge.scan([scope])) {
      operations.push(this.#byAge.del(...key), this.#ids.del(scope, row.id))
    }
    return operations
  }

  async #newest(scope: string): Promise<number> {
    for await (const { key } of this.#byAge.scan([scope], { reverse: true, limit: 1 })) return key[1]
    return 0
  }
}
