import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId, UserId } from '@starling/protocol'
import type { MemoryStore } from '@starling/testkit'
import { CrashingStore } from '../../../test/crashing-store.ts'
import { ExchangeNetwork, type ExchangeNode, type NodeOptions } from '../../../test/exchange-network.ts'
import { asked, createLargeRoom, isSendJoin, isStateEvents, roomRows, withTimers } from '../../../test/large-room.ts'
import type { JoinProgress } from './joins-under-way.ts'

function networkOf(t: TestContext): ExchangeNetwork {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  return network
}

/** A resident that gives the first page of the state and then no more until it is let. */
async function haltingResident(network: ExchangeNetwork, pages = 1) {
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  let given = 0
  const tamper: NodeOptions['tamper'] = async (request, honest) => {
    if (isStateEvents(request) && ++given > pages) {
      reached.resolve()
      await gate.promise
    }
    return honest()
  }
  const a = await network.add('a', { tamper })
  return { a, open: gate.resolve, reached: reached.promise, roomId: await createLargeRoom(a) }
}

async function assertJoined(b: ExchangeNode, a: ExchangeNode, roomId: RoomId) {
  assert.equal(await b.membership(roomId, b.user()), 'join')
  assert.deepEqual(await b.rooms.stateOf(roomId), await a.rooms.stateOf(roomId))
  const rows = await roomRows(b.rooms.store as MemoryStore)
  assert.equal((rows['bucket 113'] ?? 0) + (rows['bucket 114'] ?? 0), 0)
}

test('a join goes on after a restart with what is there already, and makes no second handshake', async (t) => {
  const network = networkOf(t)
  const { a, open, reached, roomId } = await haltingResident(network, 3)
  const b = await network.add('b')
  const joining = b.join(roomId, [a])
  joining.catch(() => undefined)
  await reached
  while ((await b.rooms.engine.events([...(await a.engine.currentState(roomId)).values()])).size < 60) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const stopping = b.exchange.stop()
  open()
  await stopping
  await assert.rejects(joining)
  const before = asked(network, b, a, isStateEvents)
  const again = await network.add('b', { store: (b.rooms.store as MemoryStore).clone() })
  await withTimers(again.exchange.joins.ended(), again)
  await network.settled()
  await assertJoined(again, a, roomId)
  assert.equal(asked(network, b, a, isSendJoin), 1)
  assert.ok(asked(network, b, a, isStateEvents) - before < 8, 'not all pages were fetched anew')
})

test('a crash between any two writes of a join leaves a store from which the room is entered, or nothing of it', async (t) => {
  const network = networkOf(t)
  const a = await network.add('a')
  const roomId = await createLargeRoom(a)
  let crashes = 0
  for (let survived = 3, ended = false; !ended; survived++) {
    await network.settled()
    const store = new CrashingStore((batch) => batch > survived)
    const b = await network.add(`b-${survived}`, { store })
    ended = await withTimers(b.join(roomId, [a]), b).then(
      () => true,
      () => false,
    )
    if (!ended) crashes++
    await b.exchange.stop()
    const left = store.clone()
    const again = await network.add(`b-${survived}`, { store: left })
    await withTimers(again.exchange.joins.ended(), again)
    await network.settled()
    if ((await again.membership(roomId, again.user())) !== 'join') {
      assert.deepEqual(await roomRows(left), {}, `after ${survived} writes`)
      await withTimers(again.join(roomId, [a]), again)
    }
    await network.settled()
    const ours = await again.engine.currentState(roomId)
    for (const [slot, id] of await a.engine.currentState(roomId)) assert.equal(ours.get(slot), id)
    assert.equal((await roomRows(left))['bucket 113'] ?? 0, 0)
  }
  assert.ok(crashes >= 8, `${crashes} crashes`)
})

test('a join that no restart could bring to its end is given up after a day, and nothing of it stays', async (t) => {
  const network = networkOf(t)
  const { a, open, reached, roomId } = await haltingResident(network)
  const b = await network.add('b')
  const joining = b.join(roomId, [a])
  joining.catch(() => undefined)
  await reached
  const stopping = b.exchange.stop()
  open()
  await stopping
  const store = (b.rooms.store as MemoryStore).clone()
  assert.equal((await roomRows(store))['bucket 113'], 1)
  network.clock.advance(25 * 3_600_000)
  await network.add('b', { store })
  await network.settled()
  assert.deepEqual(await roomRows(store), {})
})

test('asked for again, a join is the one under way; it goes on when those who asked have gone', async (t) => {
  const network = networkOf(t)
  const { a, open, reached, roomId } = await haltingResident(network)
  const b = await network.add('b')
  const gone = new AbortController()
  const user = b.user()
  const change = { roomId, sender: user, target: user, membership: 'join', via: [a.name] } as const
  const first = b.change(change, { signal: gone.signal })
  first.catch(() => undefined)
  await reached
  const second = b.change(change)
  gone.abort(new Error('the client has gone'))
  await assert.rejects(first, { message: 'the client has gone' })
  open()
  assert.ok((await withTimers(second, b)).eventId)
  assert.equal(asked(network, b, a, isSendJoin), 1)
  await assertJoined(b, a, roomId)
})

test('the progress of a join that takes long is told, and that it is over', async (t) => {
  const network = networkOf(t)
  const { a, open, reached, roomId } = await haltingResident(network)
  const b = await network.add('b')
  const told: (readonly [UserId, readonly JoinProgress[]])[] = []
  b.exchange.joins.watch((userId, joins) => void told.push([userId, joins]))
  const joining = b.join(roomId, [a])
  await reached
  assert.equal(told.length, 0, 'a short join is not told of')
  b.timers.fire()
  const [userId, [progress] = []] = told[0] ?? []
  assert.equal(userId, b.user())
  assert.equal(progress?.stage, 'fetching')
  assert.equal(progress.resident, a.name)
  assert.ok(progress.total > 420 && progress.events < progress.total)
  assert.equal(b.exchange.joins.list().length, 1)
  open()
  await withTimers(joining, b)
  for (let turn = 0; turn < 3; turn++) b.timers.fire()
  assert.deepEqual(told.at(-1), [b.user(), []])
  assert.deepEqual(b.exchange.joins.list(), [])
})

test('the room can be used before its history is there, and a rejoin needs only what is new', async (t) => {
  const network = networkOf(t)
  const a = await network.add('a')
  const b = await network.add('b')
  const roomId = await createLargeRoom(a)
  for (let n = 0; n < 60; n++) await a.rooms.message(roomId, a.user(), `${n}`)
  await b.join(roomId, [a])
  assert.ok((await b.rooms.bodies(roomId)).length < 60)
  await b.rooms.message(roomId, b.user(), 'at once')
  await network.settled()
  assert.ok((await a.rooms.bodies(roomId)).includes('at once'))
  const newest = await b.rooms.bodies(roomId)
  assert.deepEqual(newest.slice(-3), ['58', '59', 'at once'], 'the newest come by themselves')
  assert.ok(newest.includes('0'), 'older ones follow, back to the create event')
  const { events } = await b.rooms.reader.timeline(roomId, { direction: 'b', limit: 64 })
  assert.equal(events.length, 64)
  await b.leave(roomId)
  await network.settled()
  await a.rooms.setState(roomId, a.user(), 'm.room.topic', '', { topic: 'new' })
  const before = asked(network, b, a, isStateEvents)
  await b.join(roomId, [a])
  assert.ok(asked(network, b, a, isStateEvents) - before <= 1)
  await network.settled()
  await assertJoined(b, a, roomId)
})
