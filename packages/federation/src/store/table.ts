import type { BatchOperation, KeyRange, KeyValueStore } from '@starling/protocol'
import { decodeKey, encodeKey, type KeyPart, prefixRange } from './key-encoding.ts'

/** What a table reads from: the store itself (durable rows only) or the writer's view (`Database`). */
export type RowSource = Pick<KeyValueStore, 'get' | 'getMany' | 'entries'>

export interface ScanOptions {
  readonly reverse?: boolean
  readonly limit?: number
}

/** A bucket whose keys have parts of known kinds and whose values are JSON. Writing yields operations for a batch. */
export class Table<K extends readonly KeyPart[], V> {
  readonly #bucket: number
  readonly #shape: readonly ('int' | 'text')[]

  constructor(bucket: number, shape: { readonly [I in keyof K]: K[I] extends number ? 'int' : 'text' }) {
    this.#bucket = bucket
    this.#shape = shape as unknown as readonly ('int' | 'text')[]
  }

  key(...parts: K): Uint8Array {
    return encodeKey(this.#bucket, parts)
  }

  async get(source: RowSource, ...parts: K): Promise<V | undefined> {
    return decodeValue<V>(await source.get(this.key(...parts)))
  }

  async getMany(source: RowSource, keys: readonly K[]): Promise<(V | undefined)[]> {
    if (keys.length === 0) return []
    const values = await source.getMany(keys.map((parts) => this.key(...parts)))
    return values.map((value) => decodeValue<V>(value))
  }

  put(parts: K, value: V): BatchOperation {
    return { type: 'put', key: this.key(...parts), value: Buffer.from(JSON.stringify(value)) }
  }

  del(parts: K): BatchOperation {
    return { type: 'del', key: this.key(...parts) }
  }

  /** Rows whose key begins with `prefix`, in key order. */
  scan(source: RowSource, prefix: readonly KeyPart[], options: ScanOptions = {}): AsyncGenerator<{ key: K; value: V }> {
    return this.#rows(source, { ...prefixRange(this.#bucket, prefix), ...options })
  }

  /** Rows with `prefix` whose next part, an integer, lies within the bounds (absent: open), in key order. */
  between(
    source: RowSource,
    prefix: readonly KeyPart[],
    bounds: { readonly from?: number; readonly to?: number },
    options: ScanOptions = {},
  ): AsyncGenerator<{ key: K; value: V }> {
    const whole = prefixRange(this.#bucket, prefix)
    const gte = bounds.from === undefined ? whole.gte : encodeKey(this.#bucket, [...prefix, bounds.from])
    const lt = bounds.to === undefined ? whole.lt : prefixRange(this.#bucket, [...prefix, bounds.to]).lt
    return this.#rows(source, { gte, lt, ...options })
  }

  async *#rows(source: RowSource, range: KeyRange): AsyncGenerator<{ key: K; value: V }> {
    for await (const [key, value] of source.entries(range)) {
      yield { key: decodeKey(key, this.#shape) as unknown as K, value: decodeValue<V>(value) as V }
    }
  }
}

function decodeValue<V>(bytes: Uint8Array | undefined): V | undefined {
  if (bytes === undefined) return undefined
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as V
}
