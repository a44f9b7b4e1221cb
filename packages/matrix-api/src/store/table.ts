import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { decodeKey, encodeKey, type KeyPart, prefixEnd } from './key.ts'

/** Bounds of a scan over rows that share their first key parts. */
export interface ScanBounds {
  /** Exclusive lower and inclusive upper bound of the part that follows the prefix. */
  readonly after?: KeyPart
  readonly upTo?: KeyPart
  readonly limit?: number
  readonly reverse?: boolean
}

/**
 * One bucket as typed rows. `put` and `del` only make operations: the caller batches them with whatever belongs to the
 * same change and commits once.
 */
export interface Table<Key extends readonly KeyPart[], Row> {
  get(...key: Key): Promise<Row | undefined>
  getMany(keys: readonly Key[]): Promise<(Row | undefined)[]>
  put(key: Key, row: Row): BatchOperation
  del(...key: Key): BatchOperation
  /** Rows whose key begins with `prefix`, in key order. */
  scan(prefix: readonly KeyPart[], bounds?: ScanBounds): AsyncIterable<{ readonly key: Key; readonly row: Row }>
}

/** `shape`: one letter per key part, `s` string or `n` number. Rows are this package's own and stored as JSON. */
export function defineTable<Key extends readonly KeyPart[], Row>(
  store: KeyValueStore,
  bucket: number,
  shape: string,
): Table<Key, Row> {
  return {
    async get(...key) {
      const value = await store.get(encodeKey(bucket, key))
      return value && decodeRow<Row>(value)
    },
    async getMany(keys) {
      const values = await store.getMany(keys.map((key) => encodeKey(bucket, key)))
      return values.map((value) => value && decodeRow<Row>(value))
    },
    put(key, row) {
      return { type: 'put', key: encodeKey(bucket, key), value: Buffer.from(JSON.stringify(row), 'utf8') }
    },
    del(...key) {
      return { type: 'del', key: encodeKey(bucket, key) }
    },
    async *scan(prefix, bounds = {}) {
      // A sync whose token is the newest position looks into a dozen such windows.
      if (isEmptyWindow(bounds)) return
      const start = encodeKey(bucket, prefix)
      const range = {
        ...(bounds.after === undefined
          ? { gte: start }
          : { gte: prefixEnd(encodeKey(bucket, [...prefix, bounds.after])) }),
        lt: prefixEnd(bounds.upTo === undefined ? start : encodeKey(bucket, [...prefix, bounds.upTo])),
        ...(bounds.limit === undefined ? {} : { limit: bounds.limit }),
        ...(bounds.reverse === undefined ? {} : { reverse: bounds.reverse }),
      }
      for await (const [key, value] of store.entries(range)) {
        yield { key: decodeKey(key, shape) as unknown as Key, row: decodeRow<Row>(value) }
      }
    },
  }
}

function isEmptyWindow({ after, upTo }: ScanBounds): boolean {
  return typeof after === 'number' && typeof upTo === 'number' && upTo <= after
}

function decodeRow<Row>(value: Uint8Array): Row {
  return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')) as Row
}
