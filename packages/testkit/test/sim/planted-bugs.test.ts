import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { planOfReport, reportFailure } from '../../src/sim/failure-report.ts'
import { makePlan } from '../../src/sim/make-plan.ts'
import { runSchedule } from '../../src/sim/run-schedule.ts'
import type { SchedulePlan, Step } from '../../src/sim/schedule-plan.ts'
import { scheduleSeed } from '../../src/sim/sim-random.ts'
import type { PlantedBug } from '../../src/sim/simulated-world.ts'

const SIZE = { nodes: 3, events: 40 }
/** Schedules looked through for one that shows the bug. */
const TRIES = 60

/** Nobody lies: what goes wrong is the bug's. The node that has it, the last, dies often. */
function honestPlan(seed: bigint): SchedulePlan {
  const plan = makePlan(seed, SIZE)
  const steps = plan.steps.filter(({ kind }) => kind === 'act' || kind === 'partition')
  const crashes = [9_000, 14_000, 19_000, 24_000].map(
    (at, index): Step => ({
      ...{ kind: 'crash', at, node: SIZE.nodes - 1, ms: 500, again: false },
      how: index % 2 === 0 ? 'crash-before' : 'crash-after',
    }),
  )
  return { ...plan, byzantine: [], lies: 0, steps: [...steps, ...crashes].sort((a, b) => a.at - b.at) }
}

/** A schedule in which all is well, and is not once one node has the bug. */
async function caught(
  bug: PlantedBug,
  sign: RegExp,
): Promise<{ readonly plan: SchedulePlan; readonly problems: readonly string[] }> {
  for (let index = 0; index < TRIES; index++) {
    const plan = honestPlan(scheduleSeed(0xb06n, index))
    const { problems } = await runSchedule(plan, { bug })
    if (!problems.some((one) => sign.test(one)) || (await runSchedule(plan)).problems.length > 0) continue
    return { plan, problems }
  }
  return assert.fail(`the bug "${bug}" was not found in ${TRIES} schedules`)
}

const BUGS: readonly (readonly [bug: PlantedBug, what: string, sign: RegExp])[] = [
  ['early-acknowledgement', 'acknowledges before anything is durable', /has lost it/],
  ['torn-batches', 'keeps half of a batch at a crash', /^breach|has lost it|differ|another state than from scratch/],
  [
    'timeless-resolution',
    'resolves state without the time of events',
    /differ in state|another state than from scratch/,
  ],
  ['deaf', 'compares with nobody', /lacks|differ/],
]

for (const [bug, what, sign] of BUGS) {
  test(`twin: a node that ${what} is found out`, async () => {
    await caught(bug, sign)
  })
}

test('what is found is shrunk to a few steps, written down, and fails again from what was written', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'starling-sim-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { plan, problems } = await caught('deaf', /lacks|differ/)
  const world = { bug: 'deaf' } as const
  const report = await reportFailure(plan, problems, { dir, shrinkMs: 20_000, world })
  assert.ok(report.steps < plan.steps.length / 2, `${report.steps} of ${plan.steps.length} steps are left`)
  const again = await runSchedule(planOfReport(report.file), { ...world, keepTrace: true })
  assert.ok(again.problems.length > 0)
  const text = readFileSync(report.file, 'utf8')
  assert.ok(text.includes(again.problems[0] ?? 'nothing'))
  assert.ok(again.trace.every((line) => text.includes(line)))
})
