/** That a word stands in a document. */
export interface Posting {
  /** Number of the document in the index. */
  readonly document: number
  /** Bits of the searched keys in which it stands (`SEARCH_KEYS`). */
  readonly keys: number
  /** How often, up to {@link MAX_COUNT}. */
  readonly count: number
}

export const MAX_COUNT = 31
const KEY_BITS = 3

/**
 * Postings by ascending document as bytes: for each the distance to the document before it (varint, least significant seven
 * bits first), then one byte of count and keys. `last`: the document that stands before them in the row.
 */
export function encodePostings(postings: readonly Posting[], last = 0): Uint8Array {
  const bytes: number[] = []
  let before = last
  for (const { document, keys, count } of postings) {
    let distance = document - before
    before = document
    while (distance >= 0x80) {
      bytes.push((distance % 0x80) + 0x80)
      distance = Math.floor(distance / 0x80)
    }
    bytes.push(distance, (Math.min(count, MAX_COUNT) << KEY_BITS) | keys)
  }
  return Uint8Array.from(bytes)
}

export function decodePostings(bytes: Uint8Array): Posting[] {
  const { documents, tallies } = decodeColumns([bytes])
  return Array.from(documents, (document, index) => {
    const tally = tallies[index] ?? 0
    return { document, keys: keysOf(tally), count: countOf(tally) }
  })
}

/** Many postings side by side: a hundred thousand of them are no hundred thousand objects. */
export interface PostingColumns {
  /** Ascending. */
  readonly documents: Uint32Array
  /** Count and keys of each; `keysOf`, `countOf`. */
  readonly tallies: Uint8Array
}

export function keysOf(tally: number): number {
  return tally & ((1 << KEY_BITS) - 1)
}

export function countOf(tally: number): number {
  return tally >> KEY_BITS
}

/** The postings of rows that follow each other. */
export function decodeColumns(rows: readonly Uint8Array[]): PostingColumns {
  // Two bytes are the least that one takes.
  const most = rows.reduce((sum, row) => sum + row.length, 0) >> 1
  const documents = new Uint32Array(most)
  const tallies = new Uint8Array(most)
  let length = 0
  for (const bytes of rows) {
    let document = 0
    for (let at = 0; at < bytes.length; length++) {
      let scale = 1
      let byte = bytes[at++] ?? 0
      while (byte >= 0x80) {
        document += (byte - 0x80) * scale
        scale *= 0x80
        byte = bytes[at++] ?? 0
      }
      document += byte * scale
      documents[length] = document
      tallies[length] = bytes[at++] ?? 0
    }
  }
  return { documents: documents.subarray(0, length), tallies: tallies.subarray(0, length) }
}
