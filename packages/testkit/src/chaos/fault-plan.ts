import { SimRandom } from '../sim/sim-random.ts'

/** What is done to the nodes and to the network between them. */
export type FaultKind = 'cut-pair' | 'halves' | 'isolate' | 'kill' | 'pause' | 'loss'

export const FAULT_KINDS: readonly FaultKind[] = ['cut-pair', 'halves', 'isolate', 'kill', 'pause', 'loss']

/** One fault. Times are milliseconds from the begin of the run. */
export interface Fault {
  readonly kind: FaultKind
  readonly from: number
  readonly to: number
  /** The nodes that it strikes, by number: two for `cut-pair`, one side for `halves`, else one. */
  readonly nodes: readonly number[]
}

/** Shortest and longest of each, in milliseconds. A paused node is silent, but its kernel answers. */
const LENGTHS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  'cut-pair': [2_000, 20_000],
  halves: [3_000, 20_000],
  isolate: [2_000, 20_000],
  kill: [300, 6_000],
  pause: [500, 9_000],
  loss: [3_000, 15_000],
}

/** How often each is drawn, after every kind was there once. */
const WEIGHTS = { 'cut-pair': 4, halves: 2, isolate: 3, kill: 4, pause: 3, loss: 2 } as const

/** Between the begins of two faults; several are under way at a time. */
const GAP_MS: readonly [number, number] = [1_000, 4_500]
/** Quiet before the first fault. */
const HEAD_MS = 1_500
/** A network that was cut in halves for this long heals at the very end: the hardest to converge after. */
const LAST_CUT_MS = 12_000

/**
 * The faults of a run of `lengthMs`, drawn from the seed alone. All have ended at its end, and the last of them, a cut into halves,
 * ends exactly there. A process is killed or paused by one fault at a time; cuts may lie over each other.
 */
export function makeFaultPlan(seed: bigint, nodes: number, lengthMs: number): readonly Fault[] {
  const random = new SimRandom(seed, 'faults')
  const faults: Fault[] = []
  const busy: number[] = Array.from({ length: nodes }, () => 0)
  const lastCut = Math.min(LAST_CUT_MS, lengthMs / 3)
  // The short run as well has a kill.
  const kinds: FaultKind[] = [...random.shuffled(FAULT_KINDS.filter((kind) => kind !== 'kill')), 'kill']
  for (let at = HEAD_MS; at < lengthMs - 1_000; at += random.between(...GAP_MS)) {
    const kind = kinds.pop() ?? random.weighted(WEIGHTS)
    const [shortest, longest] = LENGTHS[kind]
    const to = Math.min(at + random.between(shortest, longest), lengthMs - 500)
    const struck = random.shuffled([...busy.keys()])
    if (kind === 'kill' || kind === 'pause') {
      const node = struck.find((index) => (busy[index] ?? 0) < at)
      if (node === undefined) continue
      // A killed node needs some seconds to serve again.
      busy[node] = to + (kind === 'kill' ? 6_000 : 1_000)
      faults.push({ kind, from: at, to, nodes: [node] })
    } else faults.push({ kind, from: at, to, nodes: struck.slice(0, sizeOf(kind, nodes)) })
  }
  const half = random.shuffled([...busy.keys()]).slice(0, Math.floor(nodes / 2))
  faults.push({ kind: 'halves', from: lengthMs - lastCut, to: lengthMs, nodes: half })
  return faults
}

function sizeOf(kind: FaultKind, nodes: number): number {
  if (kind === 'cut-pair') return 2
  return kind === 'halves' ? Math.floor(nodes / 2) : 1
}
