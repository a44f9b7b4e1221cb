import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { reportFailure } from '../../src/sim/failure-report.ts'
import { makePlan } from '../../src/sim/make-plan.ts'
import { seedText } from '../../src/sim/plan-text.ts'
import { RunTotals } from '../../src/sim/run-totals.ts'
import { runTask } from '../../src/sim/schedule-worker.ts'
import { scheduleSeed } from '../../src/sim/sim-random.ts'

/** Seconds of real time for schedules of a fresh seed. 10,000 schedules are `npm run sim -- --schedules 10000`. */
const SECONDS = Number(process.env.STARLING_SIM_SECONDS ?? 60)
const SIZE = { nodes: 5, events: 200 }
/** With fewer schedules than this, rare faults (a lying join in one of twenty) may be missing by chance. */
const ENOUGH = 200

test('five nodes under every fault agree in the end, from a fresh seed', {
  timeout: SECONDS * 3_000 + 120_000,
}, async (t) => {
  const given = process.env.STARLING_SIM_SEED
  const seed = given === undefined ? randomBytes(8).readBigUInt64BE() : BigInt(given)
  t.diagnostic(`seed ${seedText(seed)}`)
  const totals = new RunTotals(seed)
  const end = performance.now() + SECONDS * 1_000
  for (let index = 0; performance.now() < end; index++) {
    const result = await runTask({ runSeed: String(seed), index, ...SIZE })
    totals.add(result)
    if (result.problems.length === 0) continue
    const plan = makePlan(scheduleSeed(seed, index), SIZE)
    const { file } = await reportFailure(plan, result.problems, { dir: tmpdir(), shrinkMs: 60_000 })
    assert.fail(`schedule ${index} of seed ${seedText(seed)} diverged, see ${file}: ${result.problems[0]}`)
  }
  t.diagnostic(totals.json())
  if (totals.schedules >= ENOUGH) assert.deepEqual(totals.missing, [])
})
