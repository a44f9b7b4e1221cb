import type { BatchOperation, EventId, KeyValueStore, RoomId } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'
import { DocumentPlaces, type Place } from './document-places.ts'
import { MAX_COUNT, type Posting, type PostingColumns } from './posting-list.ts'
import { Postings } from './postings.ts'
import { SEARCH_KEYS, type SearchableText } from './searchable-text.ts'
import { wordsOf } from './words.ts'

/** How far a room has been indexed: every event of its timeline from `low` to `high`. */
export interface RoomSpan {
  readonly low: number
  readonly high: number
}

interface RoomRow extends RoomSpan {
  /** Stands for the room in the index; never used again. */
  readonly number: number
}

interface DocumentRow {
  readonly document: number
  readonly eventId: EventId
  /** The words under which it is found, so that they can be taken out when the event itself is gone. */
  readonly terms: readonly string[]
}

export interface NewDocument {
  readonly eventId: EventId
  readonly order: number
  /** Milliseconds since the Unix epoch. */
  readonly ts: number
  readonly texts: readonly SearchableText[]
}

/** Documents removed in one batch. */
const REMOVED_AT_ONCE = 200
const WRITER = 'writer'

/**
 * The inverted index of the messages that this node holds. All writes go through one queue; none is flushed on its own: what a
 * crash loses it loses together with the span that says it was there, and it is indexed again.
 */
export class SearchIndex {
  readonly #store: KeyValueStore
  readonly #rooms
  readonly #documents
  readonly #numbers
  readonly #postings: Postings
  readonly #places: DocumentPlaces
  readonly #queue = new KeyedQueue()

  constructor(store: KeyValueStore) {
    this.#store = store
    this.#rooms = defineTable<[roomId: string], RoomRow>(store, buckets.searchRooms, 's')
    this.#documents = defineTable<[room: number, order: number], DocumentRow>(store, buckets.searchDocuments, 'nn')
    this.#numbers = defineTable<[], { readonly documents: number; readonly rooms: number }>(
      store,
      buckets.searchNumbers,
      '',
    )
    this.#postings = new Postings(store)
    this.#places = new DocumentPlaces(store)
  }

  span(roomId: RoomId): Promise<(RoomSpan & { readonly number: number }) | undefined> {
    return this.#rooms.get(roomId)
  }

  async rooms(): Promise<RoomId[]> {
    return (await Array.fromAsync(this.#rooms.scan([]))).map(({ key }) => key[0] as RoomId)
  }

  /** Number of the newest document: what comes later has a higher one. */
  async newest(): Promise<number> {
    return (await this.#numbers.get())?.documents ?? 0
  }

  /** Adds documents of one room and notes how far it has been indexed with that. What is known already is not added again. */
  add(roomId: RoomId, documents: readonly NewDocument[], span: RoomSpan): Promise<void> {
    return this.#queue.run(WRITER, async () => {
      const numbers = (await this.#numbers.get()) ?? { documents: 0, rooms: 0 }
      const row = await this.#rooms.get(roomId)
      const number = row?.number ?? numbers.rooms + 1
      const known = await this.#documents.getMany(documents.map(({ order }) => [number, order]))
      const fresh = documents.filter((_, index) => known[index] === undefined)
      const first = numbers.documents + 1
      const { operations, postings, places } = this.#rowsOf(number, fresh, first)
      const placed = await this.#places.write(places)
      await this.#write([
        ...operations,
        ...placed.operations,
        ...(await this.#postings.append(postings)),
        this.#rooms.put([roomId], { number, low: span.low, high: span.high }),
        this.#numbers.put([], { documents: numbers.documents + fresh.length, rooms: Math.max(numbers.rooms, number) }),
      ])
      placed.committed()
    })
  }

  /** Takes out what was said at these places of a room, words and all. */
  remove(roomId: RoomId, orders: readonly number[]): Promise<void> {
    return this.#queue.run(WRITER, async () => {
      const row = await this.#rooms.get(roomId)
      if (row) await this.#remove(row.number, orders)
    })
  }

  /** Takes out a whole room. Goes on where it stopped if it is called again. */
  removeRoom(roomId: RoomId): Promise<void> {
    return this.#queue.run(WRITER, async () => {
      const row = await this.#rooms.get(roomId)
      if (!row) return
      while (true) {
        const rows = await Array.fromAsync(this.#documents.scan([row.number], { limit: REMOVED_AT_ONCE }))
        if (rows.length === 0) break
        await this.#remove(
          row.number,
          rows.map(({ key }) => key[1]),
        )
      }
      await this.#write([this.#rooms.del(roomId)])
    })
  }

  /** Places of a room's documents in the timeline, oldest first. */
  async documentsOf(
    roomId: RoomId,
    bounds: { readonly after?: number; readonly limit: number },
  ): Promise<{ readonly order: number; readonly eventId: EventId }[]> {
    const row = await this.#rooms.get(roomId)
    if (!row) return []
    const rows = await Array.fromAsync(this.#documents.scan([row.number], bounds))
    return rows.map(({ key, row: { eventId } }) => ({ order: key[1], eventId }))
  }

  postings(term: string): Promise<PostingColumns> {
    return this.#postings.of(term)
  }

  places(documents: ArrayLike<number>): Promise<(document: number) => Place> {
    return this.#places.reader(documents)
  }

  /** Ids of the events that stand at these places; undefined where a document has gone meanwhile. */
  async eventIds(places: readonly Pick<Place, 'room' | 'order'>[]): Promise<(EventId | undefined)[]> {
    const rows = await this.#documents.getMany(places.map(({ room, order }) => [room, order]))
    return rows.map((row) => row?.eventId)
  }

  #rowsOf(room: number, documents: readonly NewDocument[], first: number) {
    const operations: BatchOperation[] = []
    const postings = new Map<string, Posting[]>()
    const places = new Map<number, Place>()
    for (const [index, { eventId, order, ts, texts }] of documents.entries()) {
      const document = first + index
      const tallies = talliesOf(texts)
      for (const [term, tally] of tallies) {
        const list = postings.get(term)
        if (list) list.push({ document, ...tally })
        else postings.set(term, [{ document, ...tally }])
      }
      places.set(document, { room, order, ts })
      operations.push(this.#documents.put([room, order], { document, eventId, terms: [...tallies.keys()] }))
    }
    return { operations, postings, places }
  }

  async #remove(room: number, orders: readonly number[]): Promise<void> {
    const rows = await this.#documents.getMany(orders.map((order) => [room, order]))
    const byTerm = new Map<string, Set<number>>()
    const places = new Map<number, Place>()
    const operations: BatchOperation[] = []
    for (const [index, row] of rows.entries()) {
      if (!row) continue
      operations.push(this.#documents.del(room, orders[index] ?? 0))
      places.set(row.document, DocumentPlaces.removed)
      for (const term of row.terms) {
        const documents = byTerm.get(term)
        if (documents) documents.add(row.document)
        else byTerm.set(term, new Set([row.document]))
      }
    }
    if (operations.length === 0) return
    for (const [term, documents] of byTerm) operations.push(...(await this.#postings.remove(term, documents)))
    const placed = await this.#places.write(places)
    await this.#write([...operations, ...placed.operations])
    placed.committed()
  }

  #write(operations: readonly BatchOperation[]): Promise<void> {
    return this.#store.batch(operations, { durable: false })
  }
}

/** Each word of an event once: in which keys it stands, and how often. */
function talliesOf(texts: readonly SearchableText[]): Map<string, { keys: number; count: number }> {
  const tallies = new Map<string, { keys: number; count: number }>()
  for (const { key, text } of texts) {
    for (const { term } of wordsOf(text)) {
      const tally = tallies.get(term) ?? { keys: 0, count: 0 }
      tally.keys |= SEARCH_KEYS[key]
      tally.count = Math.min(MAX_COUNT, tally.count + 1)
      tallies.set(term, tally)
    }
  }
  return tallies
}
