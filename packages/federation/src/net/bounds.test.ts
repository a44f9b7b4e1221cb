import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '@starling/protocol'
import { MemoryStore, QuietLogger, TestClock } from '@starling/testkit'
import { ManualTimers } from '../../test/net/manual-timers.ts'
import { StreamPositionCounter } from '../store/stream-positions.ts'
import { PresenceBook } from './edus/presence.ts'
import { Receipts } from './edus/receipts.ts'
import { Typing } from './edus/typing.ts'
import { GossipQueues } from './gossip/gossip-queues.ts'
import { netLimits } from './limits.ts'
import { AnswerTable } from './requests/answer-table.ts'
import { TokenBuckets } from './token-buckets.ts'

const ROOM = '!room:example.org' as RoomId
const user = (n: number) => `@u${n}:example.org` as UserId

test('bad input 66: accepted events wait in bounded queues, the newest finds no place', async () => {
  const patience = { timers: new ManualTimers(new TestClock()), ms: 250, overdueInAll: 0 }
  const queues = new GossipQueues(3, 4, patience)
  const gate = Promise.withResolvers<void>()
  const done: string[] = []
  const push = (room: string, name: string) =>
    queues.push(room as RoomId, async () => {
      await gate.promise
      done.push(name)
    })
  assert.deepEqual(
    ['1', '2', '3', '4'].map((name) => push('!a', name)),
    [true, true, true, false],
  )
  assert.deepEqual(
    ['1', '2'].map((name) => push('!b', `b${name}`)),
    [true, false],
  )
  gate.resolve()
  await queues.drained()
  assert.deepEqual(
    done.filter((name) => !name.startsWith('b')),
    ['1', '2', '3'],
  )
  assert.equal(push('!a', '5'), true)
  await queues.drained()
  assert.equal(done.at(-1), '5')
})

test('an event for which something is fetched slowly holds up its room for a moment only, and few do so', async () => {
  const timers = new ManualTimers(new TestClock())
  const queues = new GossipQueues(10, 10, { timers, ms: 250, overdueInAll: 1 })
  const slow = Promise.withResolvers<void>()
  const done: string[] = []
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  queues.push(ROOM, () => slow.promise)
  queues.push(ROOM, async () => void done.push('behind one'))
  queues.push(ROOM, () => slow.promise)
  queues.push(ROOM, async () => void done.push('behind two'))
  await turn()
  assert.deepEqual(done, [])
  timers.advance(250)
  await turn()
  assert.deepEqual(done, ['behind one'])
  timers.advance(10_000)
  await turn()
  assert.deepEqual(done, ['behind one'], 'no more than one goes on beside the queue')
  slow.resolve()
  await queues.drained()
  assert.deepEqual(done, ['behind one', 'behind two'])
})

test('a rate limit gives its burst, then what its rate refills, per key', () => {
  const clock = new TestClock()
  const rates = new TokenBuckets(clock, 3, 2)
  assert.deepEqual(
    [1, 2, 3, 4].map(() => rates.take('a')),
    [true, true, true, false],
  )
  assert.equal(rates.take('b'), true)
  clock.advance(500)
  assert.deepEqual([rates.take('a'), rates.take('a')], [true, false])
  clock.advance(-1_000)
  assert.equal(rates.take('a'), false)
})

test('two answers for one path are a mistake that is seen at the start', () => {
  const row = (path: string) => ({ method: 'GET' as const, path, answer: async () => ({}) })
  assert.throws(() => new AnswerTable([row('/a/{x}'), row('/a/{y}')]), /two answers/)
})

test('typers of a room are bounded, who began first goes first', async () => {
  const positions = await StreamPositionCounter.open(new MemoryStore(), new QuietLogger())
  const typing = new Typing(positions, new ManualTimers(new TestClock()))
  for (let n = 0; n <= netLimits.typersPerRoom; n++) typing.set(ROOM, user(n), 30_000)
  const { users } = typing.get(ROOM)
  assert.equal(users.length, netLimits.typersPerRoom)
  assert.equal(users[0], user(1))
})

test('presence is bounded, who was heard of longest ago goes first', async () => {
  const positions = await StreamPositionCounter.open(new MemoryStore(), new QuietLogger())
  const presence = new PresenceBook(new TestClock(), positions)
  const online = { presence: 'online', statusMsg: undefined, lastActiveTs: undefined, currentlyActive: true } as const
  for (let n = 0; n <= netLimits.presenceUsers; n++) presence.set({ userId: user(n), ...online })
  assert.equal(presence.get(user(0)), undefined)
  assert.equal(presence.all().length, netLimits.presenceUsers)
})

test('a user’s threads with receipts are bounded, the one read longest ago goes first', async () => {
  const store = new MemoryStore()
  const positions = await StreamPositionCounter.open(store, new QuietLogger())
  const receipts = new Receipts(store, positions)
  const receipt = { type: 'm.read', userId: user(1), eventId: '$e' as EventId, ts: 1 } as const
  for (let n = 0; n <= netLimits.receiptsPerUserAndRoom; n++) {
    await receipts.set(ROOM, { ...receipt, threadId: `$thread${n}` })
  }
  const all = await receipts.between(ROOM, 0, Number.MAX_SAFE_INTEGER - 1)
  assert.equal(all.length, netLimits.receiptsPerUserAndRoom)
  assert.equal(all[0]?.threadId, '$thread1')
  assert.equal(await receipts.get(ROOM, user(1), 'm.read', '$thread0'), undefined)
})

test('receipts are there after a restart', async () => {
  const store = new MemoryStore()
  const positions = await StreamPositionCounter.open(store, new QuietLogger())
  const receipt = { type: 'm.read', userId: user(1), eventId: '$e' as EventId, ts: 1, threadId: undefined } as const
  assert.equal(await new Receipts(store, positions).set(ROOM, receipt), true)
  const again = new Receipts(store.clone(), positions)
  assert.equal((await again.get(ROOM, user(1), 'm.read'))?.eventId, '$e')
  assert.equal(await again.set(ROOM, { ...receipt, ts: 0, eventId: '$older' as EventId }), false)
})
