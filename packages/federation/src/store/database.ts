import type { BatchOperation, KeyRange, KeyValue, KeyValueStore } from '@starling/protocol'

/** A batch could not be made durable. Nothing of it was acknowledged; what had been built on it is refused as well. */
export class StoreWriteError extends Error {
  override readonly name = 'StoreWriteError'
  readonly code = 'store-write-failed'
}

/** One flush takes no more than this many bytes, so that a large import does not make everybody else wait long. */
const MAX_FLUSH_BYTES = 4 * 1024 * 1024

interface Submitted {
  readonly operations: readonly BatchOperation[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The writer's view of the store. `submit` returns at once; batches become durable strictly in the order of submission,
 * and those that pile up while one flush is under way go into the next one together (group commit over all rooms).
 * Until then reads through this class see them already, so that the next event of a room can be built on one whose flush
 * is still running. If a flush fails, everything submitted after it fails too: it may stand on what was lost.
 */
export class Database {
  readonly #store: KeyValueStore
  /** Rows submitted and not yet durable, by key; `serial` tells which submission wrote last. */
  readonly #pending = new Map<string, { readonly value: Uint8Array | undefined; readonly serial: number }>()
  readonly #failureListeners = new Set<() => void>()
  /** Rows made durable so far, by bucket. */
  readonly #written = new Map<number, number>()
  #queue: Submitted[] = []
  #flushing = false
  #serial = 0
  #failures = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** Durable rows only: what readers may show. */
  get durable(): KeyValueStore {
    return this.#store
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const pending = this.#pending.size === 0 ? undefined : this.#pending.get(keyText(key))
    return pending ? pending.value : this.#store.get(key)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (this.#pending.size === 0) return this.#store.getMany(keys)
    const overlaid = keys.map((key) => this.#pending.get(keyText(key)))
    const missing = keys.filter((_, index) => !overlaid[index])
    const fetched = missing.length === 0 ? [] : await this.#store.getMany(missing)
    let next = 0
    return overlaid.map((pending) => (pending ? pending.value : fetched[next++]))
  }

  /** Scans see durable rows only. */
  entries(range: KeyRange): AsyncIterable<KeyValue> {
    return this.#store.entries(range)
  }

  /** Rows submitted and not yet durable whose keys begin like this; undefined: a row that goes. Costs what is pending. */
  pendingUnder(prefix: Uint8Array): Map<string, Uint8Array | undefined> {
    const start = keyText(prefix)
    const found = new Map<string, Uint8Array | undefined>()
    for (const [key, { value }] of this.#pending) if (key.startsWith(start)) found.set(key, value)
    return found
  }

  /** Resolves once durable; rejects with StoreWriteError if this batch or an earlier one could not be written. */
  submit(operations: readonly BatchOperation[]): Promise<void> {
    const serial = ++this.#serial
    let bytes = 0
    for (const operation of operations) {
      const value = operation.type === 'put' ? operation.value : undefined
      this.#pending.set(keyText(operation.key), { value, serial })
      bytes += operation.key.length + (value?.length ?? 0)
    }
    const written = new Promise<void>((resolve, reject) => this.#queue.push({ operations, bytes, resolve, reject }))
    this.#tail = written
    void written.catch(() => undefined)
    if (!this.#flushing) void this.#flushAll()
    return written
  }

  /** Resolves once everything submitted so far is durable. */
  flushed(): Promise<void> {
    return this.#tail
  }

  /**
   * Moves whenever rows of that bucket have become durable, before their writer hears of it: who remembers what a scan found reads
   * this before the scan, and scans again once it is another.
   */
  writesTo(bucket: number): number {
    return this.#written.get(bucket) ?? 0
  }

  /** Failed flushes so far: who began building before one and ends after it stands on lost rows. */
  get failures(): number {
    return this.#failures
  }

  /** Called after a failed flush, before its submitters hear of it: whoever holds state built on lost rows drops it. */
  onFailure(listener: () => void): void {
    this.#failureListeners.add(listener)
  }

  async #flushAll(): Promise<void> {
    this.#flushing = true
    // Sends that arrive in the same turn of the event loop share the first flush as well.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      const operations = group.length === 1 ? (group[0]?.operations ?? []) : group.flatMap((one) => one.operations)
      try {
        await this.#store.batch(operations, { durable: true })
      } catch (cause) {
        this.#fail(group, cause)
        continue
      }
      for (const { key } of operations) this.#written.set(key[0] ?? 0, this.writesTo(key[0] ?? 0) + 1)
      this.#forget(operations)
      for (const one of group) one.resolve()
    }
    this.#flushing = false
  }

  #takeGroup(): Submitted[] {
    let bytes = 0
    let count = 0
    for (const one of this.#queue) {
      if (count > 0 && bytes + one.bytes > MAX_FLUSH_BYTES) break
      bytes += one.bytes
      count++
    }
    return this.#queue.splice(0, count)
  }

  #fail(group: readonly Submitted[], cause: unknown): void {
    this.#failures++
    const lost = [...group, ...this.#queue]
    this.#queue = []
    this.#pending.clear()
    this.#tail = Promise.resolve()
    for (const listener of this.#failureListeners) listener()
    for (const one of lost) one.reject(new StoreWriteError('the database could not be written', { cause }))
  }

  /** Rows now in the store leave the overlay unless a later submission has overwritten them. */
  #forget(operations: readonly BatchOperation[]): void {
    if (this.#queue.length === 0) {
      this.#pending.clear()
      return
    }
    const later = new Set(this.#queue.flatMap((one) => one.operations.map((operation) => keyText(operation.key))))
    for (const operation of operations) {
      const key = keyText(operation.key)
      if (!later.has(key)) this.#pending.delete(key)
    }
  }
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
