import { z } from 'zod'
import { type CompiledRoomEventFilter, compileRoomEventFilter } from '../filters/compiled-filter.ts'
import { roomEventFilterSchema } from '../filters/filter-definition.ts'
import { SEARCH_KEYS, type SearchKey } from './searchable-text.ts'
import { wordsOf } from './words.ts'

const MAX_TERM_LENGTH = 1_000
/** Words of a search term that are looked up; the rest does not count. */
const MAX_WORDS = 16
/** Results of one page. */
const LIMIT = { fallback: 10, max: 100 } as const
/** Events on each side of a result. */
const CONTEXT = { fallback: 5, max: 20 } as const

const side = z.number().int().min(0).optional()

/** Body of `POST /search`. */
export const searchSchema = z.object({
  search_categories: z.object({
    room_events: z
      .object({
        search_term: z.string().max(MAX_TERM_LENGTH),
        keys: z.array(z.enum(['content.body', 'content.name', 'content.topic'])).optional(),
        filter: roomEventFilterSchema.optional(),
        order_by: z.enum(['rank', 'recent']).optional(),
        event_context: z
          .object({ before_limit: side, after_limit: side, include_profile: z.boolean().optional() })
          .optional(),
        include_state: z.boolean().optional(),
        groupings: z
          .object({
            group_by: z
              .array(z.object({ key: z.enum(['room_id', 'sender']) }))
              .max(10)
              .optional(),
          })
          .optional(),
      })
      .optional(),
  }),
})

export type GroupKey = 'room_id' | 'sender'

export interface ContextWish {
  readonly before: number
  readonly after: number
  readonly profiles: boolean
}

/** A search as it is run. */
export interface SearchRequest {
  /** Distinct words, all of which a result has. */
  readonly terms: readonly string[]
  /** Bits of the keys that count (`SEARCH_KEYS`). */
  readonly keys: number
  readonly filter: CompiledRoomEventFilter
  readonly order: 'rank' | 'recent'
  readonly context: ContextWish | undefined
  readonly withState: boolean
  readonly groupBy: readonly GroupKey[]
}

type RoomEvents = NonNullable<z.output<typeof searchSchema>['search_categories']['room_events']>

export function searchRequestOf(input: RoomEvents): SearchRequest {
  const terms = [...new Set(wordsOf(input.search_term).map(({ term }) => term))].slice(0, MAX_WORDS)
  const keys: readonly SearchKey[] = input.keys ?? ['content.body', 'content.name', 'content.topic']
  return {
    terms,
    keys: keys.reduce((bits, key) => bits | SEARCH_KEYS[key], 0),
    filter: compileRoomEventFilter(input.filter, LIMIT),
    order: input.order_by ?? 'rank',
    context: input.event_context && contextOf(input.event_context),
    withState: input.include_state ?? false,
    groupBy: [...new Set((input.groupings?.group_by ?? []).map(({ key }) => key))],
  }
}

function contextOf(wish: NonNullable<RoomEvents['event_context']>): ContextWish {
  return {
    before: Math.min(wish.before_limit ?? CONTEXT.fallback, CONTEXT.max),
    after: Math.min(wish.after_limit ?? CONTEXT.fallback, CONTEXT.max),
    profiles: wish.include_profile ?? false,
  }
}
