import type { BatchOperation, KeyValueStore } from '@starling/protocol'
import { LruCache } from '../rooms/lru-cache.ts'
import { buckets } from '../store/buckets.ts'
import { encodeKey } from '../store/key.ts'

/** Where a document of the index stands. */
export interface Place {
  /** The room's number in the index; 0 for a document that was removed. */
  readonly room: number
  /** The event's place in the node's timeline. */
  readonly order: number
  /** Milliseconds since the Unix epoch. */
  readonly ts: number
}

const PER_CHUNK = 256
const ENTRY_BYTES = 4 + 8 + 8
/** 5 KiB each: the places of the last quarter of a million documents that were asked for. */
const MAX_CACHED_CHUNKS = 1_024

const REMOVED: Place = { room: 0, order: 0, ts: 0 }

/** Document number → place, packed: a search looks up as many as there are messages with a common word. */
export class DocumentPlaces {
  readonly #store: KeyValueStore
  /** Beyond its limit the chunk longest unused goes. */
  readonly #cache = new LruCache<number, Uint8Array>(MAX_CACHED_CHUNKS)
  /** Counts commits, so that what was read before one is not kept after it. */
  #commits = 0

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** `read(document)` for the documents whose chunks were loaded: those of `documents`, ascending. */
  async reader(documents: ArrayLike<number>): Promise<(document: number) => Place> {
    const chunks = new Map<number, DataView>()
    const missing: number[] = []
    let before = -1
    for (let at = 0; at < documents.length; at++) {
      const chunk = chunkOf(documents[at] ?? 0)
      if (chunk === before) continue
      before = chunk
      const cached = this.#cache.get(chunk)
      if (cached) chunks.set(chunk, viewOf(cached))
      else missing.push(chunk)
    }
    const commits = this.#commits
    const loaded = await this.#store.getMany(missing.map(keyOf))
    for (const [index, chunk] of missing.entries()) {
      const bytes = loaded[index] ?? new Uint8Array()
      if (commits === this.#commits) this.#cache.set(chunk, bytes)
      chunks.set(chunk, viewOf(bytes))
    }
    return (document) => placeIn(chunks.get(chunkOf(document)), document)
  }

  /** Operations that set these places; `committed` is called once they are on disk. */
  async write(
    places: ReadonlyMap<number, Place>,
  ): Promise<{ readonly operations: BatchOperation[]; committed(): void }> {
    const changed = new Map<number, Uint8Array>()
    for (const [document, place] of places) {
      const chunk = chunkOf(document)
      const before = changed.get(chunk) ?? (await this.#store.get(keyOf(chunk))) ?? new Uint8Array()
      changed.set(chunk, withPlace(before, document, place))
    }
    return {
      operations: [...changed].map(([chunk, value]) => ({ type: 'put', key: keyOf(chunk), value })),
      committed: () => {
        this.#commits += 1
        for (const chunk of changed.keys()) this.#cache.delete(chunk)
      },
    }
  }

  static readonly removed = REMOVED
}

function withPlace(before: Uint8Array, document: number, { room, order, ts }: Place): Uint8Array {
  const at = (document % PER_CHUNK) * ENTRY_BYTES
  const bytes = new Uint8Array(Math.max(before.length, at + ENTRY_BYTES))
  bytes.set(before)
  const view = viewOf(bytes)
  view.setUint32(at, room)
  view.setFloat64(at + 4, order)
  view.setFloat64(at + 12, ts)
  return bytes
}

function placeIn(view: DataView | undefined, document: number): Place {
  const at = (document % PER_CHUNK) * ENTRY_BYTES
  if (!view || view.byteLength < at + ENTRY_BYTES) return REMOVED
  return { room: view.getUint32(at), order: view.getFloat64(at + 4), ts: view.getFloat64(at + 12) }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function chunkOf(document: number): number {
  return Math.floor(document / PER_CHUNK)
}

function keyOf(chunk: number): Uint8Array {
  return encodeKey(buckets.searchPlaces, [chunk])
}
