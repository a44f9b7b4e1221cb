import { randomBytes } from 'node:crypto'
import { availableParallelism, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'

export interface SimOptions {
  readonly seed: bigint
  readonly schedules: number
  readonly nodes: number
  readonly events: number
  readonly workers: number
  /** Only this one of the run. */
  readonly schedule: number | undefined
  /** Only the schedule with this seed of its own. */
  readonly scheduleSeed: bigint | undefined
  /** A file that a failed run wrote: its shrunk schedule is run again. */
  readonly replay: string | undefined
  readonly traceDir: string
  /** Milliseconds of real time for shrinking. */
  readonly shrinkMs: number
}

/** The command line is wrong; the message says how. */
export class SimUsageError extends Error {
  override readonly name = 'SimUsageError'
  readonly code = 'usage'
}

export const USAGE = `npm run sim -- [--seed S] [--schedules N] [--nodes K] [--events E] [--workers W]
                   [--schedule I | --schedule-seed X | --replay FILE] [--trace-dir DIR] [--shrink-seconds T]`

/** @throws SimUsageError */
export function readOptions(args: readonly string[]): SimOptions {
  const values = parse(args)
  const seed = values.seed === undefined ? randomBytes(8).readBigUInt64BE() : seedOf(values.seed, 'seed')
  return {
    seed,
    schedules: integerOf(values.schedules, 'schedules', 200, 1),
    nodes: integerOf(values.nodes, 'nodes', 5, 2),
    events: integerOf(values.events, 'events', 200, 1),
    workers: integerOf(values.workers, 'workers', availableParallelism(), 1),
    schedule: values.schedule === undefined ? undefined : integerOf(values.schedule, 'schedule', 0, 0),
    scheduleSeed: values['schedule-seed'] === undefined ? undefined : seedOf(values['schedule-seed'], 'schedule-seed'),
    replay: values.replay,
    traceDir: values['trace-dir'] ?? tmpdir(),
    shrinkMs: integerOf(values['shrink-seconds'], 'shrink-seconds', 90, 0) * 1_000,
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ seed: text, schedules: text, nodes: text, events: text, workers: text },
        ...{ schedule: text, 'schedule-seed': text, replay: text, 'trace-dir': text, 'shrink-seconds': text },
      },
    }).values
  } catch (error) {
    throw new SimUsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** A seed is 64 bits, in decimal or as 0x hexadecimal. */
export function seedOf(text: string, name: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) throw new SimUsageError(`--${name} takes a number of 64 bits`)
  const seed = BigInt(text)
  if (seed >= 1n << 64n) throw new SimUsageError(`--${name} takes a number of 64 bits`)
  return seed
}

function integerOf(text: string | undefined, name: string, byDefault: number, least: number): number {
  if (text === undefined) return byDefault
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < least)
    throw new SimUsageError(`--${name} takes an integer of at least ${least}`)
  return value
}
