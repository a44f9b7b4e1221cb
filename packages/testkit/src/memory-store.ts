import type { BatchOperation, KeyRange, KeyValue, KeyValueStore } from '@starling/protocol'
import { SortedKeys } from './sorted-keys.ts'

/** A `KeyValueStore` in memory, for tests: passes the same contract suite as the real driver. */
export class MemoryStore implements KeyValueStore {
  /** Keys as Latin-1 text: comparing code units is comparing bytes. */
  #keys = new SortedKeys()
  readonly #values = new Map<string, Uint8Array>()

  /** Number of rows. */
  get size(): number {
    return this.#values.size
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
    const [from, to] = boundsOf(range)
    const keys = range.reverse ? this.#keys.descending(from, to) : this.#keys.ascending(from, to)
    const wanted = [...keys.take(Math.max(range.limit ?? Number.POSITIVE_INFINITY, 0))]
    const snapshot = wanted.map((key): KeyValue => [bytesOf(key), this.#values.get(key) as Uint8Array])
    yield* snapshot
  }

  /** A copy that shares nothing: what a crash would leave behind. */
  clone(): MemoryStore {
    const copy = new MemoryStore()
    copy.#keys = this.#keys.clone()
    for (const [key, value] of this.#values) copy.#values.set(key, value)
    return copy
  }

  #put(key: string, value: Uint8Array): void {
    if (!this.#values.has(key)) this.#keys.add(key)
    this.#values.set(key, value)
  }

  #delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.delete(key)
  }
}

/** The range as the first key in it and the first after it; undefined: no bound. */
function boundsOf({ gt, gte, lt, lte }: KeyRange): [from: string, to: string | undefined] {
  // The successor of a key: itself and a zero.
  const lows = [gt === undefined ? '' : `${textOf(gt)}\0`, gte === undefined ? '' : textOf(gte)]
  const highs = [...(lt === undefined ? [] : [textOf(lt)]), ...(lte === undefined ? [] : [`${textOf(lte)}\0`])]
  return [lows.sort().at(-1) ?? '', highs.sort()[0]]
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

function bytesOf(key: string): Uint8Array {
  return Uint8Array.from(Buffer.from(key, 'latin1'))
}
