/**
 * `npm run sim`: schedules from one seed, each a room between simulated nodes under faults, compared at its end. The last line of stdout is
 * one JSON object. Exit codes: 0 all agreed, 1 a divergence or a fault kind that never happened, 2 wrong usage.
 */
import { planOfReport, reportFailure } from './failure-report.ts'
import { makePlan } from './make-plan.ts'
import { seedText } from './plan-text.ts'
import { runSchedule } from './run-schedule.ts'
import { runSchedules } from './run-schedules.ts'
import { RunTotals } from './run-totals.ts'
import type { SchedulePlan } from './schedule-plan.ts'
import type { WorkerResult } from './schedule-worker.ts'
import { readOptions, type SimOptions, SimUsageError, USAGE } from './sim-options.ts'
import { scheduleSeed } from './sim-random.ts'

/** Milliseconds between two lines of progress. */
const PROGRESS = 5_000
/** Failing schedules that are named one by one. */
const NAMED = 20

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof SimUsageError)) throw error
  console.error(`${error.message}\n${USAGE}`)
  return 2
})

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  const { replay, scheduleSeed: only } = options
  if (replay !== undefined) return runOne(planOfReport(replay), options)
  if (only !== undefined) return runOne(makePlan(only, options), options)
  console.log(`seed ${seedText(options.seed)}`)
  return runAll(options)
}

async function runOne(plan: SchedulePlan, options: SimOptions): Promise<number> {
  console.log(`schedule seed ${seedText(plan.seed)}`)
  const before = process.cpuUsage()
  const { seed: _, trace: __, table: ___, ...result } = await runSchedule(plan)
  const totals = new RunTotals(plan.seed)
  const { user, system } = process.cpuUsage(before)
  totals.add({ ...result, index: 0, roomVersion: plan.roomVersion, cpuMs: (user + system) / 1_000 })
  for (const problem of result.problems) console.error(problem)
  if (options.replay === undefined && result.problems.length > 0) await explain(plan, result.problems, options)
  console.log(totals.json())
  return result.problems.length > 0 ? 1 : 0
}

async function runAll(options: SimOptions): Promise<number> {
  const { seed, schedule, schedules, workers, nodes, events } = options
  const indexes = schedule === undefined ? Array.from({ length: schedules }, (_, index) => index) : [schedule]
  const totals = new RunTotals(seed)
  const progress = progressOn(indexes.length)
  await runSchedules({ seed, indexes, nodes, events, workers }, (result) => {
    totals.add(result)
    if (result.problems.length > 0 && totals.failures.length <= NAMED) name(result, options)
    progress(totals)
  })
  const [first] = totals.failures
  if (first) await explain(makePlan(scheduleSeed(seed, first.index), options), first.problems, options)
  // One schedule played again proves nothing by itself.
  const missing = schedule === undefined ? totals.missing : []
  for (const kind of missing) console.error(`the fault "${kind}" never happened: more schedules, or other sizes`)
  console.log(totals.json())
  return first || missing.length > 0 ? 1 : 0
}

function name(result: WorkerResult, { seed }: SimOptions): void {
  const [problem] = result.problems
  const own = seedText(scheduleSeed(seed, result.index))
  console.error(`schedule ${result.index} (seed ${own}): ${result.problems.length} problems, the first: ${problem}`)
}

async function explain(plan: SchedulePlan, problems: readonly string[], options: SimOptions): Promise<void> {
  const { file, steps, nodes } = await reportFailure(plan, problems, {
    dir: options.traceDir,
    shrinkMs: options.shrinkMs,
  })
  console.log(`diverged: schedule seed ${seedText(plan.seed)}, shrunk to ${steps} steps on ${nodes} nodes: ${file}`)
}

function progressOn(all: number): (totals: RunTotals) => void {
  const start = performance.now()
  let last = start
  return (totals) => {
    const now = performance.now()
    if (now - last < PROGRESS && totals.schedules < all) return
    last = now
    const perSecond = (totals.schedules / (now - start)) * 1_000
    console.error(`${totals.schedules} of ${all}, ${totals.failures.length} diverged, ${perSecond.toFixed(2)} a second`)
  }
}
