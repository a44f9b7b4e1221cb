import { SUPPORTED_VERSIONS } from '@starling/protocol'
import {
  BYZANTINE_ACTS,
  type ByzantineAct,
  HONEST_ACTS,
  type HonestAct,
  type LinkFault,
  type SchedulePlan,
  type Step,
} from './schedule-plan.ts'
import { SimRandom } from './sim-random.ts'

export interface PlanSize {
  readonly nodes: number
  readonly events: number
}

/** Most rooms are of the newest versions; the others have to work all the same. */
const VERSION_WEIGHTS: Readonly<Record<string, number>> = {
  12: 40,
  11: 14,
  10: 14,
  9: 5,
  8: 4,
  7: 3,
  6: 4,
  5: 3,
  4: 2,
  3: 3,
  2: 4,
  1: 4,
}

/** Before this the room is made and entered; acts begin after. Virtual milliseconds. */
const FIRST_ACT = 6_000
/** Virtual milliseconds between two acts, on average. */
const ACT_INTERVAL = 600
const HOUR = 3_600_000

const LINK_RATES: Readonly<Record<LinkFault, readonly number[]>> = {
  drop: [0, 0.02, 0.1, 0.4],
  duplicate: [0, 0.02, 0.15],
  delay: [0, 0.02, 0.1],
  reorder: [0, 0.05, 0.3],
  requestLost: [0, 0.02, 0.1],
  answerLost: [0, 0.02, 0.1],
  requestRefused: [0, 0.02, 0.1],
}

/** The schedule that belongs to this seed. */
export function makePlan(seed: bigint, { nodes, events }: PlanSize): SchedulePlan {
  const random = new SimRandom(seed, 'plan')
  const offered = Object.entries(VERSION_WEIGHTS).filter(([version]) => Object.hasOwn(SUPPORTED_VERSIONS, version))
  const roomVersion = random.weighted(Object.fromEntries(offered))
  const byzantine = chooseByzantine(random, nodes)
  const length = FIRST_ACT + events * ACT_INTERVAL
  const rates = Object.fromEntries(
    Object.entries(LINK_RATES).map(([fault, choices]) => [fault, random.pick(choices)]),
  ) as Record<LinkFault, number>
  return {
    seed,
    nodes,
    roomVersion,
    byzantine,
    lies: byzantine.length === 0 ? 0 : random.pick([0, 0.1, 0.5]),
    liesToTheEnd: random.chance(0.5),
    levels: Array.from({ length: nodes }, (_, node) => (node === 0 ? 100 : random.pick([0, 0, 50, 50, 100]))),
    skews: Array.from({ length: nodes }, () => chooseSkew(random)),
    rates,
    length,
    steps: [
      ...acts(random, { nodes, events, byzantine, length }),
      ...partitions(random, nodes, length),
      ...crashes(random, nodes, length),
    ].sort((a, b) => a.at - b.at),
  }
}

/** Up to a third of the nodes, never the first, which makes the room. */
function chooseByzantine(random: SimRandom, nodes: number): number[] {
  const most = Math.floor((nodes - 1) / 2)
  const count = random.chance(0.3) ? 0 : random.int(most) + 1
  return random
    .shuffled(Array.from({ length: nodes - 1 }, (_, index) => index + 1))
    .slice(0, Math.min(count, most))
    .sort((a, b) => a - b)
}

function chooseSkew(random: SimRandom): number {
  if (random.chance(0.5)) return Math.round(random.between(-500, 500))
  if (random.chance(0.5)) return Math.round(random.between(-5 * HOUR, 5 * HOUR))
  return Math.round(random.between(-10 * 24 * HOUR, 10 * 24 * HOUR))
}

function acts(
  random: SimRandom,
  size: { nodes: number; events: number; byzantine: readonly number[]; length: number },
): Step[] {
  const isByzantine = new Set(size.byzantine)
  const malice = random.between(0.2, 0.6)
  return Array.from({ length: size.events }, (): Step => {
    const at = Math.round(random.between(FIRST_ACT, size.length))
    const node = random.int(size.nodes)
    const salt = random.int(0x7fffffff)
    if (isByzantine.has(node) && random.chance(malice)) {
      return { kind: 'byzantine', at, node, act: random.weighted<ByzantineAct>(BYZANTINE_ACTS), salt }
    }
    return { kind: 'act', at, node, act: random.weighted<HonestAct>(HONEST_ACTS), salt }
  })
}

function partitions(random: SimRandom, nodes: number, length: number): Step[] {
  return Array.from({ length: random.int(4) }, (): Step => {
    const side = random.shuffled(Array.from({ length: nodes }, (_, index) => index)).slice(0, 1 + random.int(nodes - 1))
    const ms = Math.round(random.between(2_000, length / 2))
    return { kind: 'partition', at: Math.round(random.between(FIRST_ACT, length)), side: side.sort(), ms }
  })
}

function crashes(random: SimRandom, nodes: number, length: number): Step[] {
  return Array.from({ length: random.int(6) }, (): Step => {
    const at = Math.round(random.between(1_000, length))
    const how = random.pick(['now', 'crash-before', 'crash-after'] as const)
    const ms = Math.round(random.between(200, 20_000))
    return { kind: 'crash', at, node: random.int(nodes), how, ms, again: random.chance(0.25) }
  })
}
