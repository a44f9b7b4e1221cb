import type { Place } from './document-places.ts'
import { countOf, keysOf, type PostingColumns } from './posting-list.ts'
import type { SearchIndex } from './search-index.ts'
import type { SearchRequest } from './search-input.ts'
import type { SearchToken } from './search-token.ts'
import { SEARCH_KEYS } from './searchable-text.ts'

/** A document that has all words; whether the user may see it is not known yet. */
export interface Candidate extends Place {
  readonly document: number
  /** What results are ordered by, the largest first. */
  readonly value: number
}

export interface Candidates {
  /** The first in order, as many as were asked for. */
  readonly first: readonly Candidate[]
  /** Of the others only their places, by room number: for counting. */
  readonly others: ReadonlyMap<number, readonly number[]>
}

/** By number in the index: up to which place of the room's timeline the user may read at all. */
export type Scope = ReadonlyMap<number, { readonly upTo: number }>

/** A name or topic says what a room is about. */
const TITLE = SEARCH_KEYS['content.name'] | SEARCH_KEYS['content.topic']
const TITLE_WEIGHT = 2
/** BM25's saturation: the tenth mention says little more than the third. */
const SATURATION = 1.2

/** Documents, ascending, with what each is worth. */
interface Ranked {
  readonly documents: Uint32Array
  readonly ranks: Float64Array
}

/** Candidates in order, those before the token left out. Columns rather than objects: a common word is in every second message. */
export async function findCandidates(
  index: Pick<SearchIndex, 'postings' | 'places'>,
  request: Pick<SearchRequest, 'terms' | 'keys' | 'order'>,
  scope: Scope,
  limits: { readonly newest: number; readonly after: SearchToken | undefined; readonly first: number },
): Promise<Candidates> {
  const lists = await Promise.all(request.terms.map((term) => index.postings(term)))
  const ranked = lists
    .toSorted((a, b) => a.documents.length - b.documents.length)
    .map((list) => ranksOf(list, request.keys, limits.newest))
    .reduce(both)
  const place = await index.places(ranked.documents)
  const values = ranked.ranks
  let length = 0
  for (let at = 0; at < ranked.documents.length; at++) {
    const document = ranked.documents[at] ?? 0
    const { room, order, ts } = place(document)
    if (order > (scope.get(room)?.upTo ?? Number.NEGATIVE_INFINITY)) continue
    const value = request.order === 'recent' ? ts : (ranked.ranks[at] ?? 0)
    if (limits.after && !isAfter(value, document, limits.after)) continue
    // In place: what has been looked at is not needed any more.
    ranked.documents[length] = document
    values[length] = value
    length += 1
  }
  return divided(ranked.documents.subarray(0, length), values.subarray(0, length), place, limits.first)
}

/** Postings that count, each with its weight: rare words say more (BM25's weights). */
function ranksOf({ documents, tallies }: PostingColumns, keys: number, newest: number): Ranked {
  const rarity = Math.log(1 + (newest - documents.length + 0.5) / (documents.length + 0.5))
  const kept = new Uint32Array(documents.length)
  const ranks = new Float64Array(documents.length)
  let length = 0
  for (let at = 0; at < documents.length; at++) {
    const [document, tally] = [documents[at] ?? 0, tallies[at] ?? 0]
    if ((keysOf(tally) & keys) === 0 || document > newest) continue
    kept[length] = document
    ranks[length] = Math.max(0, rarity) * prominence(tally)
    length += 1
  }
  return { documents: kept.subarray(0, length), ranks: ranks.subarray(0, length) }
}

function prominence(tally: number): number {
  const count = countOf(tally)
  const often = (count * (1 + SATURATION)) / (count + SATURATION)
  return often * ((keysOf(tally) & TITLE) === 0 ? 1 : TITLE_WEIGHT)
}

/** What is in both, its ranks added up. */
function both(left: Ranked, right: Ranked): Ranked {
  const documents = new Uint32Array(left.documents.length)
  const ranks = new Float64Array(left.documents.length)
  let length = 0
  let there = 0
  for (let here = 0; here < left.documents.length; here++) {
    const document = left.documents[here] ?? 0
    while ((right.documents[there] ?? Number.POSITIVE_INFINITY) < document) there += 1
    if (right.documents[there] !== document) continue
    documents[length] = document
    ranks[length] = (left.ranks[here] ?? 0) + (right.ranks[there] ?? 0)
    length += 1
  }
  return { documents: documents.subarray(0, length), ranks: ranks.subarray(0, length) }
}

function divided(
  documents: Uint32Array,
  values: Float64Array,
  place: (document: number) => Place,
  wanted: number,
): Candidates {
  // The value that the last of the wanted ones has: what is worth less need not be sorted.
  const threshold = values.toSorted()[Math.max(0, values.length - wanted)] ?? 0
  const first: Candidate[] = []
  const others = new Map<number, number[]>()
  const leaveOut = ({ room, order }: Place) => {
    const orders = others.get(room)
    if (orders) orders.push(order)
    else others.set(room, [order])
  }
  for (let at = documents.length - 1; at >= 0; at--) {
    const [document, value] = [documents[at] ?? 0, values[at] ?? 0]
    const found = place(document)
    // Of those that are worth the same the newest come first, and they come first here as well.
    if (value > threshold || (value === threshold && first.length < wanted)) first.push({ ...found, document, value })
    else leaveOut(found)
  }
  first.sort((a, b) => b.value - a.value || b.document - a.document)
  for (const late of first.splice(wanted)) leaveOut(late)
  return { first, others }
}

function isAfter(value: number, document: number, token: SearchToken): boolean {
  return value < token.value || (value === token.value && document < token.document)
}
