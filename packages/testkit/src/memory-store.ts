import type { BatchOperation, KeyRange, KeyValue, KeyValueStore } from '@starling/protocol'

/** A `KeyValueStore` in memory, for tests: passes the same contract suite as the real driver. */
export class MemoryStore implements KeyValueStore {
  /** Keys as Latin-1 text: comparing code units is comparing bytes. Kept sorted. */
  #keys: string[] = []
  readonly #values = new Map<string, Uint8Array>()

  /** Number of rows. */
  get size(): number {
    return this.#keys.length
  }

  /** Bytes of all keys and values. */
  get bytes(): number {
    let total = 0
    for (const [key, value] of this.#values) total += key.length + value.length
    return total
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#values.get(textOf(key))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => this.#values.get(textOf(key)))
  }

  async batch(operations: readonly BatchOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.type === 'put') this.#put(textOf(operation.key), Uint8Array.from(operation.value))
      else this.#delete(textOf(operation.key))
    }
  }

  async *entries(range: KeyRange): AsyncGenerator<KeyValue> {
    const keys = this.#keys.slice(...this.#bounds(range))
    if (range.reverse) keys.reverse()
    const wanted = range.limit === undefined ? keys : keys.slice(0, Math.max(range.limit, 0))
    const snapshot = wanted.map((key): KeyValue => [bytesOf(key), this.#values.get(key) as Uint8Array])
    yield* snapshot
  }

  /** A copy that shares nothing: what a crash would leave behind. */
  clone(): MemoryStore {
    const copy = new MemoryStore()
    copy.#keys = [...this.#keys]
    for (const [key, value] of this.#values) copy.#values.set(key, value)
    return copy
  }

  #put(key: string, value: Uint8Array): void {
    if (!this.#values.has(key)) this.#keys.splice(this.#firstAtLeast(key), 0, key)
    this.#values.set(key, value)
  }

  #delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#firstAtLeast(key), 1)
  }

  #bounds({ gt, gte, lt, lte }: KeyRange): [from: number, to: number] {
    const from = Math.max(
      gt === undefined ? 0 : this.#firstAbove(textOf(gt)),
      gte === undefined ? 0 : this.#firstAtLeast(textOf(gte)),
    )
    const to = Math.min(
      lt === undefined ? this.#keys.length : this.#firstAtLeast(textOf(lt)),
      lte === undefined ? this.#keys.length : this.#firstAbove(textOf(lte)),
    )
    return [from, Math.max(from, to)]
  }

  #firstAtLeast(key: string): number {
    return this.#search((found) => found >= key)
  }

  #firstAbove(key: string): number {
    return this.#search((found) => found > key)
  }

  /** Index of the first key for which `holds`, which must be false and then true along the sorted keys. */
  #search(holds: (key: string) => boolean): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(this.#keys[middle] as string)) high = middle
      else low = middle + 1
    }
    return low
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

function bytesOf(key: string): Uint8Array {
  return Uint8Array.from(Buffer.from(key, 'latin1'))
}
