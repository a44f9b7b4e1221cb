import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { planText, readPlan, seedText } from './plan-text.ts'
import { kindOfProblem } from './problem-kind.ts'
import { runSchedule } from './run-schedule.ts'
import type { SchedulePlan } from './schedule-plan.ts'
import { shrinkPlan } from './shrink-plan.ts'
import type { WorldOptions } from './simulated-world.ts'

export interface FailureReport {
  readonly file: string
  readonly steps: number
  readonly nodes: number
  readonly runs: number
}

const PLAN_LINE = 'plan '

/** Shrinks a failing schedule for at most `shrinkMs` of real time and writes what is left, with its trace, to a file. */
export async function reportFailure(
  failing: SchedulePlan,
  problems: readonly string[],
  options: { readonly dir: string; readonly shrinkMs: number; readonly world?: WorldOptions },
): Promise<FailureReport> {
  const kinds = new Set(problems.slice(0, 1).map(kindOfProblem))
  const deadline = performance.now() + options.shrinkMs
  const { plan, runs } = await shrinkPlan(
    failing,
    async (smaller) =>
      (await runSchedule(smaller, options.world)).problems.some((one) => kinds.has(kindOfProblem(one))),
    () => performance.now() >= deadline,
  )
  const result = await runSchedule(plan, { ...options.world, keepTrace: true })
  const file = join(options.dir, `starling-sim-${seedText(failing.seed).slice(2)}.txt`)
  const lines = [
    `schedule seed ${seedText(failing.seed)}, shrunk to ${plan.steps.length} steps on ${plan.nodes} nodes in ${runs} runs`,
    `again: npm run sim -- --replay ${file}`,
    `${PLAN_LINE}${planText(plan)}`,
    ...result.problems.map((problem) => `problem ${problem}`),
    '',
    ...result.table,
    '',
    ...result.trace,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return { file, steps: plan.steps.length, nodes: plan.nodes, runs }
}

/** The plan in a file that `reportFailure` wrote. @throws Error where there is none */
export function planOfReport(file: string): SchedulePlan {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(PLAN_LINE))
  if (line === undefined) throw new Error(`${file} holds no plan`)
  return readPlan(line.slice(PLAN_LINE.length))
}
