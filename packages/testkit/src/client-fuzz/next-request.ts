import type { Random } from '../fuzz/random.ts'
import { buildDraft, finish } from './build-request.ts'
import type { Cast } from './cast.ts'
import type { RecordedRequest } from './corpus.ts'
import { BODY_MUTATIONS } from './mutations/bodies.ts'
import { HEADER_MUTATIONS } from './mutations/headers.ts'
import type { Mutation } from './mutations/mutation.ts'
import { RAW_MUTATIONS } from './mutations/raw-bytes.ts'
import { TARGET_MUTATIONS } from './mutations/targets.ts'
import type { WireRequest } from './wire-request.ts'

type Choice = readonly [weight: number, choice: readonly [name: string, mutation: Mutation]]

const named = (group: readonly (readonly [number, string, Mutation])[], factor: number): Choice[] =>
  group.map(([weight, name, mutation]) => [weight * factor, [name, mutation]])

/** Bodies most of all: they reach furthest into the product. */
const WITH_BODY: readonly Choice[] = [
  ...named(BODY_MUTATIONS, 3),
  ...named(TARGET_MUTATIONS, 1),
  ...named(HEADER_MUTATIONS, 1),
  ...named(RAW_MUTATIONS, 0.5),
]
const WITHOUT_BODY: readonly Choice[] = [
  ...named(BODY_MUTATIONS, 0.2),
  ...named(TARGET_MUTATIONS, 3),
  ...named(HEADER_MUTATIONS, 1),
  ...named(RAW_MUTATIONS, 0.5),
]

/** Left as they are, so that what follows finds rooms, devices and keys in every state. */
const VALID = 0.08

/** The next request, by these numbers: valid, or bent in one to three places. */
export function nextRequest(corpus: readonly RecordedRequest[], cast: Cast, random: Random, host: string): WireRequest {
  const recorded = random.pick(corpus)
  const draft = buildDraft(recorded, cast, random, host)
  if (random.chance(VALID)) return finish(draft)
  const choices = recorded.body || recorded.text || recorded.base64 ? WITH_BODY : WITHOUT_BODY
  const times = random.chance(0.75) ? 1 : 2 + random.below(2)
  for (let done = 0; done < times; done++) {
    const [name, mutation] = random.weighted(choices)
    mutation(draft, random, cast)
    draft.request.changes.push(name)
  }
  return finish(draft)
}
