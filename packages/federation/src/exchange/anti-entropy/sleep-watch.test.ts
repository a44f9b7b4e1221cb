import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@starling/testkit'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'
import { ManualTimers } from '../../../test/net/manual-timers.ts'
import { SleepWatch } from './sleep-watch.ts'

test('a sleep is noticed once, time that passes is none', () => {
  const clock = new TestClock()
  const timers = new ManualTimers(clock)
  const slept: number[] = []
  const watch = new SleepWatch(timers, clock, (ms) => slept.push(ms))
  watch.start()
  timers.advance(10 * 60_000)
  assert.deepEqual(slept, [])
  // The clock goes on while timers stand still.
  clock.advance(8 * 3_600_000)
  timers.advance(1)
  timers.advance(60_000)
  assert.equal(slept.length, 1)
  assert.ok((slept[0] ?? 0) >= 8 * 3_600_000 - 20_000)
  clock.advance(-3_600_000)
  timers.advance(60_000)
  assert.equal(slept.length, 1, 'a clock that is set back is no sleep')
  watch.stop()
})

test('eight hours asleep: what was missed is there as soon as the machine wakes', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const timers = new ManualTimers(network.clock)
  const b = await network.add('b', { parts: { timers } })
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.gossip = false
  for (let index = 0; index < 30; index++) await a.rooms.message(roomId, a.user(), `m${index}`)
  network.clock.advance(8 * 3_600_000)
  assert.deepEqual(await b.rooms.bodies(roomId), [], 'twin: until the clock is looked at nothing has come')
  timers.advance(1)
  await network.settled()
  assert.equal((await b.rooms.bodies(roomId)).length, 30)
})
