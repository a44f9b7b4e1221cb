import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerName } from '@starling/protocol'
import { TestClock } from '@starling/testkit'
import { ManualTimers } from '../../test/net/manual-timers.ts'
import { SecondLooks } from './second-looks.ts'

const server = 'a.test' as ServerName

function looks() {
  const timers = new ManualTimers(new TestClock())
  const seen: ServerName[] = []
  return { timers, seen, second: new SecondLooks(timers, [1_500, 4_000], (one) => seen.push(one)) }
}

test('a server that was met is looked at again when gossip with it has begun, and no more', () => {
  const { timers, seen, second } = looks()
  second.met(server)
  timers.advance(1_499)
  assert.equal(seen.length, 0)
  timers.advance(1)
  assert.deepEqual(seen, [server])
  timers.advance(60_000)
  assert.deepEqual(seen, [server, server])
})

test('a server that is lost is not looked at; one met over and over is no more than after the last time', () => {
  const { timers, seen, second } = looks()
  for (let meeting = 0; meeting < 5; meeting++) {
    second.met(server)
    timers.advance(1_000)
  }
  assert.equal(seen.length, 0)
  second.lost(server)
  timers.advance(60_000)
  assert.equal(seen.length, 0)
})
