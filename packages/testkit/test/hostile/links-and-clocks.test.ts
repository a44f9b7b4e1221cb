import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import type { FuzzNode } from '../../src/fuzz/fuzz-node.ts'
import { bodies, contentOf, setState, stateText, VirtualNodes } from '../../src/hostile/virtual-nodes.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

async function nodesIn(t: TestContext, names: readonly string[], ahead: readonly number[] = []) {
  const net = new VirtualNodes()
  t.after(() => net.stop())
  for (const [index, name] of names.entries()) await net.add(name, ahead[index])
  const [first = assert.fail(), ...others] = net.all
  const roomId = await first.createRoom('12')
  await net.settle()
  for (const node of others) await node.join(roomId, first)
  await net.settle()
  return { net, roomId, nodes: net.all }
}

async function assertSame(roomId: RoomId, nodes: readonly FuzzNode[]): Promise<void> {
  const [first = assert.fail(), ...others] = nodes
  const expected = await stateText(first, roomId)
  const extremities = [...(await first.engine.forwardExtremities(roomId))].sort()
  for (const other of others) {
    assert.equal(await stateText(other, roomId), expected)
    assert.deepEqual([...(await other.engine.forwardExtremities(roomId))].sort(), extremities)
  }
}

/** Lets everybody but the room's creator set its topic, so that sides of a partition can contradict each other. */
async function openTopic(net: VirtualNodes, creator: FuzzNode, roomId: RoomId): Promise<void> {
  const content = { events: { 'm.room.topic': 0 }, invite: 50 }
  await creator.engine.send({ roomId, sender: creator.userId, type: 'm.room.power_levels', stateKey: '', content })
  await net.settle()
}

test('bad input 64: the same message again and again, long after gossip has forgotten it, changes nothing', async (t) => {
  const { net, nodes, roomId } = await nodesIn(t, ['a', 'b'])
  const [a = assert.fail(), b = assert.fail()] = nodes
  const topic = b.host.topics.at(-1) ?? assert.fail()
  const heard: Uint8Array[] = []
  const hear = b.host.hear.bind(b.host)
  b.host.hear = (from, on, data) => {
    heard.push(data)
    return hear(from, on, data)
  }
  const eventId = await a.say(roomId, 'once')
  await net.settle()
  const [message = assert.fail()] = heard
  assert.deepEqual(await bodies(b, roomId), ['once'])
  const [rows, position] = [b.store.size, b.rooms.positions.current()]
  const state = await stateText(b, roomId)
  const told: string[] = []
  b.engine.watch({ accepted: (_, event) => told.push(event.eventId) })
  // No seen-cache stands before `hear`: each of these reaches the validator, as after its time in gossipsub.
  for (let n = 0; n < 200; n++) assert.equal(await hear(a.host.peerId, topic, message), 'accept')
  await net.pass(DAY)
  for (let n = 0; n < 200; n++) await hear(a.host.peerId, topic, message)
  await net.settle()
  assert.deepEqual(await bodies(b, roomId), ['once'])
  assert.equal(b.rooms.positions.current(), position, 'no client is woken')
  assert.equal(await stateText(b, roomId), state)
  assert.deepEqual(told, [])
  assert.ok(b.store.size <= rows + 5, `the disk does not fill: ${rows} → ${b.store.size} rows`)
  assert.equal(net.faults.total, 0)
  // Twin: what tells the repetition is the store. Where the event is not stored, the same bytes count.
  const c = await net.add('c')
  await c.join(roomId, a)
  assert.equal((await c.engine.events([eventId])).has(eventId), false)
  await c.host.hear(a.host.peerId, topic, message)
  await net.settle()
  assert.ok((await c.engine.events([eventId])).has(eventId))
})

test('bad input 70: two halves that set the same state apart agree on one when the link is back', async (t) => {
  const { net, nodes, roomId } = await nodesIn(t, ['a', 'b', 'c', 'd'])
  const [a = assert.fail(), b = assert.fail(), c = assert.fail(), d = assert.fail()] = nodes
  await openTopic(net, a, roomId)
  await net.cut([a, b], [c, d])
  for (let n = 0; n < 8; n++) {
    await net.pass(1_000)
    await setState(n % 2 ? a : b, roomId, 'm.room.topic', { topic: `left ${n}` })
    await setState(n % 2 ? c : d, roomId, 'm.room.topic', { topic: `right ${n}` })
    await Promise.all([a, c].map((node) => node.say(roomId, `${node.userId} ${n}`)))
    await net.settle()
  }
  // Twin: the halves do differ before they meet.
  assert.notEqual(await stateText(a, roomId), await stateText(c, roomId))
  assert.equal(await stateText(a, roomId), await stateText(b, roomId))
  await net.heal()
  await net.beat()
  await assertSame(roomId, nodes)
  for (const node of nodes) assert.equal((await bodies(node, roomId)).length, 16)
  assert.equal(net.faults.total, 0)
})

test('bad input 73: with clocks a day apart, what answers something stands after it, everywhere', async (t) => {
  const { net, nodes, roomId } = await nodesIn(t, ['late', 'early', 'right'], [DAY, -DAY, 0])
  const [late = assert.fail(), early = assert.fail()] = nodes
  await openTopic(net, late, roomId)
  const said: string[] = []
  for (let n = 0; n < 6; n++) {
    const node = n % 2 ? early : late
    said.push(`${n}`)
    await node.say(roomId, `${n}`)
    await setState(node, roomId, 'm.room.topic', { topic: `${n}` })
    await net.settle()
  }
  for (const node of nodes) {
    assert.deepEqual(await bodies(node, roomId), said)
    assert.deepEqual(await contentOf(node, roomId, 'm.room.topic'), { topic: '5' }, 'the last word is the last')
  }
  await assertSame(roomId, nodes)
  // Twin: by the time that the events bear they would stand otherwise.
  const { events } = await late.rooms.reader.timeline(roomId, { direction: 'f', limit: 100 })
  const messages = events.filter(({ pdu }) => pdu.type === 'm.room.message')
  const byTime = messages.toSorted((x, y) => x.pdu.originServerTs - y.pdu.originServerTs)
  assert.notDeepEqual(
    byTime.map(({ pdu }) => pdu.content.body),
    said,
  )
  assert.equal(net.faults.total, 0)
})

test('bad input 76: who slept for eight hours has everything after waking, and is heard at once', async (t) => {
  const { net, nodes, roomId } = await nodesIn(t, ['a', 'b', 'sleeper'])
  const [a = assert.fail(), b = assert.fail(), sleeper = assert.fail()] = nodes
  await openTopic(net, a, roomId)
  // The lid closes: its clock and timers stand still, its connections die unnoticed by it.
  await net.cut([sleeper], [a, b])
  const said: string[] = []
  for (let n = 0; n < 240; n++) {
    said.push(`${n}`)
    await (n % 2 ? a : b).say(roomId, `${n}`)
    await net.pass((8 * HOUR) / 240, [a, b])
  }
  await setState(b, roomId, 'm.room.topic', { topic: 'while you slept' })
  await net.settle()
  // Twin: without anti-entropy it would stay so, for gossip remembers seconds.
  assert.deepEqual(await bodies(sleeper, roomId), [])
  // It wakes: eight hours pass for it at once, every timer is due, and then the others are met.
  await net.pass(8 * HOUR, [sleeper])
  await sleeper.say(roomId, 'awake')
  await net.heal()
  assert.deepEqual(
    (await bodies(sleeper, roomId)).filter((body) => body !== 'awake'),
    said,
  )
  assert.deepEqual(await contentOf(sleeper, roomId, 'm.room.topic'), { topic: 'while you slept' })
  for (const node of [a, b]) assert.ok((await bodies(node, roomId)).includes('awake'))
  await a.say(roomId, 'welcome back')
  await net.settle()
  assert.equal((await bodies(sleeper, roomId)).at(-1), 'welcome back')
  await net.beat()
  await assertSame(roomId, nodes)
  assert.equal(net.faults.total, 0)
})
