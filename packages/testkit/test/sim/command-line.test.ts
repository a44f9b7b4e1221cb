import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FAULT_KINDS } from '../../src/sim/fault-kinds.ts'

const MAIN = fileURLToPath(new URL('../../src/sim/main.ts', import.meta.url))

function sim(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
  const lines = stdout.trim().split('\n')
  return { status, lines, stderr, last: lines.at(-1) ?? '' }
}

test('faults that never happened fail the run, by name', () => {
  const { status, last, stderr } = sim(
    '--seed',
    '3',
    '--schedules',
    '1',
    '--nodes',
    '2',
    '--events',
    '2',
    '--workers',
    '1',
  )
  assert.equal(status, 1)
  const { divergences, faults } = JSON.parse(last) as { divergences: number; faults: Record<string, number> }
  assert.equal(divergences, 0)
  assert.equal(faults.equivocation, 0)
  assert.match(stderr, /the fault "equivocation" never happened/)
})

test('the last line is one JSON object with all that happened, and the seed comes first', () => {
  const { lines, last } = sim('--schedules', '2', '--nodes', '3', '--events', '20', '--workers', '2')
  assert.match(lines[0] ?? '', /^seed 0x[0-9a-f]{16}$/)
  const outcome = JSON.parse(last) as Record<string, unknown>
  assert.equal(outcome.schedules, 2)
  assert.equal(outcome.divergences, 0)
  assert.equal(`seed ${String(outcome.seed)}`, lines[0])
  assert.deepEqual(Object.keys(outcome.faults as object), Object.keys(FAULT_KINDS))
  assert.match(String(outcome.traceHash), /^[0-9a-f]{64}$/)
})

test('one schedule of a run is run alone, by its number and by its own seed, with the same trace', () => {
  const size = ['--nodes', '3', '--events', '20']
  const byNumber = sim('--seed', '77', '--schedule', '4', ...size)
  assert.equal(byNumber.status, 0, byNumber.stderr)
  const again = sim('--seed', '0x4d', '--schedule', '4', '--workers', '2', ...size)
  const hashOf = ({ last }: { last: string }) => (JSON.parse(last) as { traceHash: string }).traceHash
  assert.equal(hashOf(again), hashOf(byNumber))
})

test('wrong usage is told, with exit code 2', () => {
  for (const args of [['--seed', 'x'], ['--nodes', '1'], ['--seed', '0x1ffffffffffffffff'], ['--bogus']]) {
    const { status, stderr } = sim(...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, /npm run sim/)
  }
})
