import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId, ServerName } from '@starling/protocol'
import { eventually, MemoryNetwork, MemoryStore, TestClock } from '@starling/testkit'
import { ManualTimers } from '../../../test/net/manual-timers.ts'
import { meet, nodes } from '../../../test/net/meet.ts'
import { joinAll, TestNode } from '../../../test/net/test-node.ts'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../requests/answer-error.ts'
import { DestinationRows } from './destination-rows.ts'

const ROOM = '!room:example.org' as RoomId

function toDevice(from: TestNode, to: TestNode, messageId: string): Promise<void> {
  return from.net.outbound.toDevice({
    sender: from.userId,
    type: 'm.room_key',
    messageId,
    messages: { [to.userId]: { DEVICE: { key: messageId } } },
  })
}

test('events sent while nobody is there reach the friend when it comes', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  joinAll(ROOM, [a, b])
  for (let i = 0; i < 50; i++) a.rooms.send(ROOM, a.userId, `message ${i}`)
  await a.net.drained()
  assert.equal(a.rooms.waiting.length, 50)
  await meet(network, a, b)
  await eventually('the outbox is empty', () => a.rooms.waiting.length === 0)
  await eventually('b has them', () => b.incoming.length >= 50)
  const bodies = b.incoming.map(({ json }) => (json.content as JsonObject).body)
  assert.deepEqual(
    bodies.slice(0, 50),
    Array.from({ length: 50 }, (_, i) => `message ${i}`),
  )
})

test('the outbox of events survives a restart', async () => {
  const network = new MemoryNetwork()
  const a = await TestNode.start(network, 'a')
  const b = await TestNode.start(network, 'b')
  joinAll(ROOM, [a, b])
  a.rooms.send(ROOM, a.userId, 'written before the crash')
  await a.net.drained()
  const rows = [...a.rooms.waiting]
  await a.net.stop()
  await network.remove(a.host)
  const again = await TestNode.start(network, 'a', {
    store: a.store,
    clock: a.clock,
    outboxRows: rows,
    members: [[ROOM, [a.userId, b.userId]]],
  })
  await meet(network, again, b)
  await eventually('b has it', () => b.incoming.length > 0)
  await eventually('the outbox is empty', () => again.rooms.waiting.length === 0)
})

test('an event in a room with nobody else leaves the outbox at once', async () => {
  const { all } = await nodes(['a'])
  const [a] = all
  joinAll(ROOM, [a])
  a.rooms.send(ROOM, a.userId, 'note to self')
  await a.net.drained()
  assert.deepEqual(a.rooms.waiting, [])
})

test('a member whose subscription is not known yet gets the event as a transaction', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  await meet(network, a, b)
  joinAll(ROOM, [a], [a, b])
  await network.settled()
  a.rooms.send(ROOM, a.userId, 'welcome')
  await eventually('b has it', () => b.incoming.length === 1)
  assert.equal(b.asked.length, 1)
})

test('an event is not sent to the server whose own it is, and leaves the outbox', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  await meet(network, a, b)
  joinAll(ROOM, [a], [a, b])
  await network.settled()
  a.rooms.send(ROOM, b.userId, 'let in here')
  await a.net.drained()
  assert.deepEqual([a.rooms.waiting, b.asked], [[], []])
})

test('to-device messages arrive once, in order, in transactions of a hundred', async () => {
  const { network, all } = await nodes(['a', 'b'])
  const [a, b] = all
  for (let i = 0; i < 250; i++) await toDevice(a, b, `m${i}`)
  await meet(network, a, b)
  await eventually('b has them all', () => b.toDevice.length === 250)
  assert.deepEqual(
    b.toDevice.map(({ messageId }) => messageId),
    Array.from({ length: 250 }, (_, i) => `m${i}`),
  )
  assert.equal(b.asked.length, 3)
  assert.equal(b.toDevice[0]?.origin, a.serverName)
})

test('what waits for a server survives a restart and is sent when it is met', async () => {
  const network = new MemoryNetwork()
  const a = await TestNode.start(network, 'a')
  const b = await TestNode.start(network, 'b')
  await network.cut(a.host, b.host)
  await toDevice(a, b, 'before')
  await a.net.stop()
  await network.remove(a.host)
  const again = await TestNode.start(network, 'a', { store: a.store, clock: a.clock })
  await toDevice(again, b, 'after')
  network.mend(again.host, b.host)
  await meet(network, again, b)
  await eventually('b has both', () => b.toDevice.length === 2)
  assert.deepEqual(
    b.toDevice.map(({ messageId }) => messageId),
    ['before', 'after'],
  )
  await again.net.drained()
  assert.deepEqual(await new DestinationRows(again.store, again.clock).open(), [])
})

/** Fails as often as `failures` says, then notes what came. */
function flaky(failures: AnswerError[]): Answer & { readonly taken: string[] } {
  const taken: string[] = []
  return {
    method: 'PUT',
    path: '/flaky/{id}',
    taken,
    async answer({ params }) {
      const failure = failures.shift()
      if (failure) throw failure
      taken.push(params.id ?? '')
      return {}
    },
  }
}

test('a failing server is tried again after a pause, in order; a refusal for good is not repeated', async () => {
  const clock = new TestClock()
  const timers = new ManualTimers(clock)
  const row = flaky([new AnswerError(503, 'M_UNKNOWN', 'later'), new AnswerError(403, 'M_FORBIDDEN', 'never')])
  const { network, all } = await nodes(['a', 'b'], { a: { clock, timers }, b: { clock, answers: [row] } })
  const [a, b] = all
  await meet(network, a, b)
  for (const id of ['1', '2', '3']) await a.net.sender.enqueueRequest(b.serverName, 'PUT', `/flaky/${id}`, { id })
  await a.net.drained()
  assert.deepEqual(row.taken, [])
  timers.advance(5_000)
  await eventually('the others have arrived', () => row.taken.length === 2)
  assert.deepEqual(row.taken, ['2', '3'])
  assert.equal(a.counted.get('outbox_refused M_FORBIDDEN'), 1)
})

test('bad input 74: what waits for one server is bounded, the oldest is dropped first', async () => {
  const rows = new DestinationRows(new MemoryStore(), new TestClock())
  const server = 'b' as ServerName
  const item = (n: number) => [server, { kind: 'edu', edu: { n } }] as const
  assert.equal(await rows.add(Array.from({ length: 20_000 }, (_, n) => item(n))), 0)
  assert.equal(await rows.add([item(20_000), item(20_001)]), 2)
  assert.deepEqual((await rows.first(server, 1))[0]?.item, { kind: 'edu', edu: { n: 2 } })
})

test('numbers of rows never come twice, also after everything was sent and the node restarted', async () => {
  const store = new MemoryStore()
  const clock = new TestClock()
  const server = 'b' as ServerName
  const rows = new DestinationRows(store, clock)
  await rows.add([[server, { kind: 'edu', edu: {} }]])
  const [first] = await rows.first(server, 1)
  await rows.remove(server, [first?.sequence ?? 0])
  clock.advance(1)
  const again = new DestinationRows(store, clock)
  await again.open()
  await again.add([[server, { kind: 'edu', edu: {} }]])
  assert.ok(((await again.first(server, 1))[0]?.sequence ?? 0) > (first?.sequence ?? 0))
})

test('stopping does not wait for a server that does not answer, and what was being sent stays', async () => {
  const hangs: Answer = { method: 'PUT', path: '/hang/{id}', answer: () => new Promise(() => undefined) }
  const { network, all } = await nodes(['a', 'b'], { b: { answers: [hangs] } })
  const [a, b] = all
  await meet(network, a, b)
  await a.net.sender.enqueueRequest(b.serverName, 'PUT', '/hang/1', {})
  await network.settled()
  await a.net.stop()
  assert.deepEqual(await new DestinationRows(a.store, a.clock).open(), [b.serverName])
})
