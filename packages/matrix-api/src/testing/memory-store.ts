import type { BatchOperation, KeyRange, KeyValue, KeyValueStore } from '@starling/protocol'

/** A `KeyValueStore` in memory, sorted at each scan: for tests of this package only. */
export class MemoryStore implements KeyValueStore {
  readonly #rows = new Map<string, Uint8Array>()

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#rows.get(toHex(key))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return keys.map((key) => this.#rows.get(toHex(key)))
  }

  async batch(operations: readonly BatchOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.type === 'put') this.#rows.set(toHex(operation.key), Uint8Array.from(operation.value))
      else this.#rows.delete(toHex(operation.key))
    }
  }

  async *entries(range: KeyRange): AsyncIterable<KeyValue> {
    const bounds = {
      gt: range.gt && toHex(range.gt),
      gte: range.gte && toHex(range.gte),
      lt: range.lt && toHex(range.lt),
      lte: range.lte && toHex(range.lte),
    }
    const keys = [...this.#rows.keys()]
      .filter(
        (key) =>
          (bounds.gt === undefined || key > bounds.gt) &&
          (bounds.gte === undefined || key >= bounds.gte) &&
          (bounds.lt === undefined || key < bounds.lt) &&
          (bounds.lte === undefined || key <= bounds.lte),
      )
      .sort()
    if (range.reverse) keys.reverse()
    const snapshot = keys
      .slice(0, range.limit)
      .map((key): KeyValue => [fromHex(key), this.#rows.get(key) as Uint8Array])
    yield* snapshot
  }
}

/** Hexadecimal text sorts as its bytes do. */
function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}
