import type { BatchOperation } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'

/** A store whose batches take a turn of the event loop, and fail as told. A failed batch is not applied at all. */
export class CrashingStore extends MemoryStore {
  /** Batches asked for so far. */
  batches = 0
  readonly #fails: (batch: number) => boolean

  constructor(fails: (batch: number) => boolean) {
    super()
    this.#fails = fails
  }

  override async batch(operations: readonly BatchOperation[]): Promise<void> {
    const batch = ++this.batches
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#fails(batch)) throw new Error('the disk is gone')
    await super.batch(operations)
  }
}
