import type { EventId } from '../src/ids/branded.ts'
import { resolveState } from '../src/state/resolve-state.ts'
import { sourceOf } from '../src/testing/branch.ts'
import { sodiumCrypto } from '../src/testing/sodium-crypto.ts'
import { FORK_SHAPES, type ForkedRoom, type ForkShape, forkedRoom } from './forked-rooms.ts'

/** One figure: CPU time of the process for one resolution, in milliseconds; the median of the rounds. */
export interface ResolutionFigure {
  readonly shape: ForkShape
  readonly version: string
  /** Events on both branches together. */
  readonly forks: number
  readonly milliseconds: number
}

/** Resolution of two branches for each shape and number of forked events. 10 → algorithm 2, 12 → algorithm 2.1. */
export async function resolutionFigures(
  sizes: readonly number[] = [10, 100, 1_000, 10_000],
  versions: readonly string[] = ['10', '12'],
  shapes: readonly ForkShape[] = Object.keys(FORK_SHAPES) as ForkShape[],
): Promise<ResolutionFigure[]> {
  const figures: ResolutionFigure[] = []
  for (const shape of shapes) {
    for (const version of versions) {
      for (const forks of sizes) figures.push(await measure(shape, version, forks))
    }
  }
  return figures
}

async function measure(shape: ForkShape, version: string, forks: number): Promise<ResolutionFigure> {
  const forked = forkedRoom(shape, forks, version)
  const rounds = forks >= 10_000 ? 5 : 15
  const milliseconds = await median(rounds, forks, () => resolveInMemory(forked))
  return { shape, version, forks, milliseconds }
}

export function resolveInMemory({ room, states }: ForkedRoom): ReadonlyMap<string, EventId> {
  return resolveState(states, sourceOf(room), room.rules, sodiumCrypto)
}

/** Median CPU milliseconds of one call; short ones are called often enough for the clock to see them. */
async function median(rounds: number, forks: number, operation: () => unknown): Promise<number> {
  const calls = Math.max(1, Math.round(400 / forks))
  const taken: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    for (let call = 0; call < calls; call++) await operation()
    const { user, system } = process.cpuUsage(start)
    taken.push((user + system) / 1_000 / calls)
  }
  return taken.sort((a, b) => a - b)[rounds >> 1] ?? Number.NaN
}
