import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { decodeKey, encodeKey, prefixEnd } from '../store/key.ts'
import { decodeColumns, decodePostings, encodePostings, type Posting, type PostingColumns } from './posting-list.ts'

/** Postings per row: what one new message rewrites for each of its words, at most about 1 KiB. */
const PER_ROW = 256
/** The row of a word's newest postings: documents are numbered from 1. */
const TAIL = 0
/** Rows of one word read by a search: its newest million documents. */
const MAX_ROWS = 4_000

/**
 * Word → documents. The newest postings of a word are in its tail, row 0; a full tail becomes a row named by its first document.
 * Only the index's one writer changes rows.
 */
export class Postings {
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** Postings of a word by ascending document, the oldest beyond {@link MAX_ROWS} left out. */
  async of(term: string): Promise<PostingColumns> {
    const tail = await this.#store.get(rowKey(term, TAIL))
    const rows: Uint8Array[] = []
    const range = { gte: rowKey(term, TAIL + 1), lt: prefixEnd(wordKey(term)), reverse: true, limit: MAX_ROWS }
    for await (const [, value] of this.#store.entries(range)) rows.push(value)
    return decodeColumns(tail ? [...rows.reverse(), tail] : rows.reverse())
  }

  /** Operations that add postings; their documents are newer than all before. */
  async append(added: ReadonlyMap<string, readonly Posting[]>): Promise<BatchOperation[]> {
    const terms = [...added.keys()]
    const tails = await this.#store.getMany(terms.map((term) => rowKey(term, TAIL)))
    const operations: BatchOperation[] = []
    for (const [index, term] of terms.entries()) {
      const before = tails[index] ?? new Uint8Array()
      const more = added.get(term) ?? []
      const { documents } = decodeColumns([before])
      if (documents.length + more.length < PER_ROW) {
        // The usual case: what is there stays as it is.
        const value = Buffer.concat([before, encodePostings(more, documents.at(-1))])
        operations.push({ type: 'put', key: rowKey(term, TAIL), value })
        continue
      }
      const tail = [...decodePostings(before), ...more]
      while (tail.length >= PER_ROW) {
        const full = tail.splice(0, PER_ROW)
        operations.push(write(term, full[0]?.document ?? 0, full))
      }
      operations.push(write(term, TAIL, tail))
    }
    return operations
  }

  /** Operations that remove the postings of these documents under a word. */
  async remove(term: string, documents: ReadonlySet<number>): Promise<BatchOperation[]> {
    const rows = new Set([TAIL])
    for (const document of documents) {
      const row = await this.#rowHolding(term, document)
      if (row !== undefined) rows.add(row)
    }
    const operations: BatchOperation[] = []
    for (const row of rows) {
      const before = await this.#row(term, row)
      const kept = before.filter(({ document }) => !documents.has(document))
      if (kept.length < before.length) operations.push(write(term, row, kept))
    }
    return operations
  }

  async #rowHolding(term: string, document: number): Promise<number | undefined> {
    const range = { gte: rowKey(term, TAIL + 1), lt: rowKey(term, document + 1), reverse: true, limit: 1 }
    for await (const [key] of this.#store.entries(range)) return Number(decodeKey(key, 'sn')[1])
    return undefined
  }

  async #row(term: string, row: number): Promise<Posting[]> {
    const value = await this.#store.get(rowKey(term, row))
    return value ? decodePostings(value) : []
  }
}

function write(term: string, row: number, postings: readonly Posting[]): BatchOperation {
  const key = rowKey(term, row)
  return postings.length === 0 ? { type: 'del', key } : { type: 'put', key, value: encodePostings(postings) }
}

function wordKey(term: string): Uint8Array {
  return encodeKey(buckets.searchPostings, [term])
}

function rowKey(term: string, row: number): Uint8Array {
  return encodeKey(buckets.searchPostings, [term, row])
}
