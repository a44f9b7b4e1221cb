import type { Random } from '../../fuzz/random.ts'
import type { Draft } from '../build-request.ts'
import type { Cast } from '../cast.ts'

/** Bends a draft in place. What does not fit this draft is left alone. */
export type Mutation = (draft: Draft, random: Random, cast: Cast) => void
