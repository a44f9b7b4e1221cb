import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULT_KINDS, makeFaultPlan, runChaos, summaryOf, whyNoNamespaces } from '@starling/testkit'

/** A slice of `npm run chaos`; give the printed seed to have the same faults again. */
const SEED = BigInt(process.env.STARLING_SEED ?? Date.now())
const SECONDS = 16

test('bad input 70 and 77: real nodes under cuts, kills, pauses and loss end up with the same events and state, and nothing acknowledged is lost', {
  skip: whyNoNamespaces() ?? false,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const report = await runChaos({ seed: SEED, seconds: SECONDS, nodes: 4, log: (line) => t.diagnostic(line) })
  t.diagnostic(summaryOf(report))
  assert.deepEqual(report.wrong, [])
  assert.notEqual(report.convergedAfterMs, undefined)
  assert.ok(report.acknowledged > SECONDS, `only ${report.acknowledged} events were acknowledged`)
})

test('the faults of a run are those of its seed, of every kind, and end with it', () => {
  const plan = makeFaultPlan(7n, 5, 300_000)
  assert.deepEqual(makeFaultPlan(7n, 5, 300_000), plan)
  assert.notDeepEqual(makeFaultPlan(8n, 5, 300_000), plan)
  assert.deepEqual(new Set(plan.map(({ kind }) => kind)), new Set(FAULT_KINDS))
  assert.equal(Math.max(...plan.map(({ to }) => to)), 300_000)
  assert.ok(plan.length > 60, `${plan.length} faults`)
})

test('no node is killed or paused while it is killed or paused', () => {
  for (let seed = 0n; seed < 50n; seed++) {
    const struck = makeFaultPlan(seed, 5, 120_000).filter(({ kind }) => kind === 'kill' || kind === 'pause')
    for (const one of struck) {
      const others = struck.filter((other) => other !== one && other.nodes[0] === one.nodes[0])
      assert.ok(others.every((other) => other.to <= one.from || other.from >= one.to))
    }
  }
})
