import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName } from '@starling/protocol'
import { TestClock } from '@starling/testkit'
import { netLimits } from '../limits.ts'
import { ReplayGuard } from './replay-guard.ts'

const A = 'a' as ServerName

test('a nonce is taken once, per origin, and forgotten only when its time is over', () => {
  const clock = new TestClock()
  const guard = new ReplayGuard(clock)
  const ts = clock.now()
  assert.equal(guard.take(A, 'n', ts), 'fresh')
  assert.equal(guard.take(A, 'n', ts), 'replayed')
  assert.equal(guard.take('b' as ServerName, 'n', ts), 'fresh')
  clock.advance(netLimits.requestWindowMs)
  assert.equal(guard.take(A, 'n', ts), 'replayed')
  clock.advance(1)
  assert.equal(guard.take(A, 'n', ts), 'stale')
})

test('what was sent before the guard began is stale: it cannot know whether it came before', () => {
  const clock = new TestClock()
  const guard = new ReplayGuard(clock)
  assert.equal(guard.take(A, 'n', clock.now() - 1), 'stale')
})

test('a flood of nonces is forgotten from the oldest on, and what is as old is refused then', () => {
  const clock = new TestClock()
  const guard = new ReplayGuard(clock)
  const start = clock.now()
  for (let i = 0; i <= netLimits.noncesPerOrigin; i++) guard.take(A, `n${i}`, start + i)
  assert.equal(guard.take(A, 'n0', start), 'stale')
  assert.equal(guard.take(A, 'n1', start + 1), 'replayed')
  assert.equal(guard.take(A, 'new', start + netLimits.noncesPerOrigin), 'fresh')
})

test('more origins than are remembered are told to come later, until room is made', () => {
  const clock = new TestClock()
  const guard = new ReplayGuard(clock)
  for (let i = 0; i < netLimits.originsRemembered; i++) guard.take(`s${i}` as ServerName, 'n', clock.now())
  assert.equal(guard.take(A, 'n', clock.now()), 'full')
  clock.advance(netLimits.requestWindowMs + 1)
  assert.equal(guard.take(A, 'n', clock.now()), 'fresh')
})
