import type { BatchOperation, KeyRange, KeyValue, KeyValueStore } from '@starling/protocol'
import type { DurableRows } from './durable-rows.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimRandom } from './sim-random.ts'

/** What happens at a write: it goes through, or the node dies before it or between it and its acknowledgement. */
export type WriteFate = 'written' | 'crash-before' | 'crash-after'

export interface DiskParts {
  readonly rows: DurableRows
  readonly scheduler: Scheduler
  readonly random: SimRandom
  /** Asked when a batch is about to be written. */
  fate(): WriteFate
  /** The node is to die now. */
  crash(how: 'crash-before' | 'crash-after'): void
  written(operations: readonly BatchOperation[]): void
  /** Twins of a real disk: acknowledges before anything is written; a crash may leave half of a batch. */
  readonly twin?: 'early-acknowledgement' | 'torn-batches' | undefined
}

interface Waiting {
  readonly operations: readonly BatchOperation[]
  readonly durable: boolean
  readonly resolve: () => void
}

/** Milliseconds that a flush takes. */
const FASTEST = 0.05
const SLOWEST = 4

/**
 * One life's handle on the node's rows. Batches are written one after the other in the order of asking, each whole, after a while
 * of virtual time. Dies with the node: whatever a dead life still asks for never comes.
 */
export class CrashingDisk implements KeyValueStore {
  readonly #parts: DiskParts
  readonly #queue: Waiting[] = []
  #writing = false
  #isDead = false

  constructor(parts: DiskParts) {
    this.#parts = parts
  }

  /** Batches asked for and not acknowledged. */
  get waiting(): number {
    return this.#queue.length
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#isDead) return never()
    return this.#parts.rows.get(key)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (this.#isDead) return never()
    return keys.map((key) => this.#parts.rows.get(key))
  }

  async *entries(range: KeyRange): AsyncGenerator<KeyValue> {
    if (this.#isDead) await never()
    yield* this.#parts.rows.entries(range)
  }

  batch(operations: readonly BatchOperation[], options: { readonly durable?: boolean } = {}): Promise<void> {
    if (this.#isDead) return never()
    return new Promise((resolve) => {
      this.#queue.push({ operations, durable: options.durable ?? true, resolve })
      if (this.#parts.twin === 'early-acknowledgement') resolve()
      this.#next()
    })
  }

  /** Of the batches under way a first part was written, whole batches each. Number of those that were, and that were not. */
  die(): { readonly written: number; readonly lost: number } {
    this.#isDead = true
    const { random, rows, twin } = this.#parts
    const written = random.int(this.#queue.length + 1)
    for (const one of this.#queue.slice(0, written)) rows.apply(one.operations, one.durable)
    const lost = this.#queue.length - written
    const torn = twin === 'torn-batches' ? (this.#queue[written]?.operations ?? []) : []
    if (torn.length > 0) rows.apply(torn.slice(0, torn.length >> 1), true)
    this.#queue.length = 0
    return { written, lost }
  }

  #next(): void {
    if (this.#writing || this.#queue.length === 0) return
    this.#writing = true
    const { scheduler, random } = this.#parts
    scheduler.after(random.between(FASTEST, SLOWEST), () => this.#write())
  }

  #write(): void {
    const [first] = this.#queue
    if (this.#isDead || !first) return
    const { rows, twin } = this.#parts
    const fate = this.#parts.fate()
    if (fate === 'crash-before') {
      this.#isDead = true
      this.#queue.length = 0
      const { operations } = first
      if (twin === 'torn-batches') rows.apply(operations.slice(0, operations.length >> 1), true)
      this.#parts.crash(fate)
      return
    }
    rows.apply(first.operations, first.durable)
    this.#parts.written(first.operations)
    if (fate === 'crash-after') {
      this.#isDead = true
      this.#queue.length = 0
      this.#parts.crash(fate)
      return
    }
    this.#queue.shift()
    this.#writing = false
    first.resolve()
    this.#next()
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
