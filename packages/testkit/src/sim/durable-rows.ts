import type { BatchOperation, KeyRange, KeyValue } from '@starling/protocol'

/** Undoes one write: a key and what it held before. */
type Undo = readonly (readonly [key: string, value: Uint8Array | undefined])[]

/**
 * A node's disk: rows in key order, what survives a crash. Values are kept as they come, for speed: nobody changes a buffer after
 * writing it. Keys are Latin-1 text, whose order is that of the bytes.
 */
export class DurableRows {
  #keys: string[] = []
  readonly #values = new Map<string, Uint8Array>()
  /** Of batches written loosely since the last durable one, oldest first. */
  #loose: Undo[] = []

  get size(): number {
    return this.#keys.length
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(textOf(key))
  }

  /** A durable batch takes all loose ones before it along, as a log of writes does. */
  apply(operations: readonly BatchOperation[], durable: boolean): void {
    const undo: [string, Uint8Array | undefined][] = []
    for (const operation of operations) {
      const key = textOf(operation.key)
      if (!durable) undo.push([key, this.#values.get(key)])
      if (operation.type === 'put') this.#put(key, operation.value)
      else this.#delete(key)
    }
    if (durable) this.#loose = []
    else this.#loose.push(undo)
  }

  /** A crash: of the loose batches the first `kept` stay. Number of those that went. */
  crash(chooseKept: (loose: number) => number): number {
    const lost = this.#loose.slice(chooseKept(this.#loose.length))
    for (const undo of [...lost].reverse()) {
      for (const [key, value] of [...undo].reverse()) {
        if (value === undefined) this.#delete(key)
        else this.#put(key, value)
      }
    }
    this.#loose = []
    return lost.length
  }

  entries(range: KeyRange): KeyValue[] {
    const [from, to] = this.#bounds(range)
    const keys = this.#keys.slice(from, to)
    if (range.reverse) keys.reverse()
    const wanted = range.limit === undefined ? keys : keys.slice(0, Math.max(range.limit, 0))
    return wanted.map((key): KeyValue => [Buffer.from(key, 'latin1'), this.#values.get(key) as Uint8Array])
  }

  /** A copy, for opening it without touching this one. */
  clone(): DurableRows {
    const copy = new DurableRows()
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
