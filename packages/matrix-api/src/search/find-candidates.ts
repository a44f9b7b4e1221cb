import type { Place } from './document-places.ts'
import type { Posting } from './posting-list.ts'
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

/** By number in the index: up to which place of the room's timeline the user may read at all. */
export type Scope = ReadonlyMap<number, { readonly upTo: number }>

/** A name or topic says what a room is about. */
const TITLE = SEARCH_KEYS['content.name'] | SEARCH_KEYS['content.topic']
const TITLE_WEIGHT = 2
/** BM25's saturation: the tenth mention says little more than the third. */
const SATURATION = 1.2

/** Candidates in order, those before the token left out. */
export async function findCandidates(
  index: SearchIndex,
  request: Pick<SearchRequest, 'terms' | 'keys' | 'order'>,
  scope: Scope,
  newest: number,
  after: SearchToken | undefined,
): Promise<Candidate[]> {
  const lists = await Promise.all(request.terms.map((term) => index.postings(term)))
  const wanted = lists.map((list) => list.filter((one) => (one.keys & request.keys) !== 0 && one.document <= newest))
  const ranks = ranksOfCommon(wanted, newest)
  const place = await index.places([...ranks.keys()])
  const candidates: Candidate[] = []
  for (const [document, rank] of ranks) {
    const { room, order, ts } = place(document)
    const reach = scope.get(room)
    if (!reach || order > reach.upTo) continue
    const value = request.order === 'recent' ? ts : rank
    if (after && !isAfter(value, document, after)) continue
    candidates.push({ document, room, order, ts, value })
  }
  return candidates.sort((a, b) => b.value - a.value || b.document - a.document)
}

/** Documents that are in every list, ascending, each with its rank: the sum over the words, rare ones first (BM25's weights). */
function ranksOfCommon(lists: readonly (readonly Posting[])[], documents: number): Map<number, number> {
  let ranks: Map<number, number> | undefined
  for (const list of lists.toSorted((a, b) => a.length - b.length)) {
    const rarity = Math.log(1 + (documents - list.length + 0.5) / (list.length + 0.5))
    const both = new Map<number, number>()
    for (const posting of list) {
      const before = ranks ? ranks.get(posting.document) : 0
      if (before !== undefined) both.set(posting.document, before + rarity * prominence(posting))
    }
    ranks = both
  }
  return ranks ?? new Map()
}

function prominence({ count, keys }: Posting): number {
  const often = (count * (1 + SATURATION)) / (count + SATURATION)
  return often * ((keys & TITLE) === 0 ? 1 : TITLE_WEIGHT)
}

function isAfter(value: number, document: number, token: SearchToken): boolean {
  return value < token.value || (value === token.value && document < token.document)
}
