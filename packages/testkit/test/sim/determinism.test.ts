import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePlan } from '../../src/sim/make-plan.ts'
import { planText, readPlan } from '../../src/sim/plan-text.ts'
import { runSchedule } from '../../src/sim/run-schedule.ts'
import { runSchedules } from '../../src/sim/run-schedules.ts'
import { RunTotals } from '../../src/sim/run-totals.ts'
import { mix64, scheduleSeed } from '../../src/sim/sim-random.ts'

const SIZE = { nodes: 4, events: 60 }
const SEED = 0x5eedn

async function totalsOf(indexes: readonly number[], workers: number): Promise<RunTotals> {
  const totals = new RunTotals(SEED)
  await runSchedules({ seed: SEED, indexes, workers, ...SIZE }, (result) => totals.add(result))
  return totals
}

test('a seed gives the same trace, to the last bit, however many workers there are', async () => {
  const indexes = [0, 1, 2, 3, 4, 5]
  const alone = await totalsOf(indexes, 1)
  const together = await totalsOf(indexes, 3)
  assert.equal(alone.events, together.events)
  assert.deepEqual(alone.faults, together.faults)
  assert.equal(hashOf(alone), hashOf(together))
})

test('a schedule alone, by its number or by its own seed, is the one that it was among others', async () => {
  const all: string[] = []
  await runSchedules({ seed: SEED, indexes: [0, 1, 2], workers: 1, ...SIZE }, ({ traceHash }) => all.push(traceHash))
  const byNumber: string[] = []
  await runSchedules({ seed: SEED, indexes: [2], workers: 1, ...SIZE }, ({ traceHash }) => byNumber.push(traceHash))
  assert.deepEqual(byNumber, [all[2]])
  const bySeed = await runSchedule(makePlan(scheduleSeed(SEED, 2), SIZE))
  assert.equal(bySeed.traceHash, all[2])
  assert.notEqual(all[0], all[1])
})

test('a plan that was written down is the same schedule', async () => {
  const plan = makePlan(scheduleSeed(SEED, 7), SIZE)
  const again = readPlan(planText(plan))
  assert.deepEqual(again, plan)
  assert.equal((await runSchedule(again)).traceHash, (await runSchedule(plan)).traceHash)
})

test('keeping the trace changes nothing', async () => {
  const plan = makePlan(scheduleSeed(SEED, 3), SIZE)
  const quiet = await runSchedule(plan)
  const kept = await runSchedule(plan, { keepTrace: true })
  assert.equal(kept.traceHash, quiet.traceHash)
  assert.equal(quiet.trace.length, 0)
  assert.ok(kept.trace.length > 100)
})

test('seeds of 64 bits make other schedules, also where they differ in the highest bit only', () => {
  assert.notEqual(mix64(1n), mix64(1n | (1n << 63n)))
  const plans = [1n, 2n, 1n | (1n << 63n)].map((seed) => planText({ ...makePlan(seed, SIZE), seed: 0n }))
  assert.equal(new Set(plans).size, 3)
})

function hashOf(totals: RunTotals): unknown {
  return (JSON.parse(totals.json()) as { traceHash: unknown }).traceHash
}
