import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openRooms } from '@starling/federation'
import { type EventId, type JsonObject, type RoomId, stateSlot } from '@starling/protocol'
import type { FuzzNode } from '../../src/fuzz/fuzz-node.ts'
import { checkedAt, signedEvent } from '../../src/hostile/signed-event.ts'
import { VirtualNodes } from '../../src/hostile/virtual-nodes.ts'
import { testCrypto } from '../../src/test-crypto.ts'
import { QuietLogger, TestClock, testRandomBytes } from '../../src/test-surroundings.ts'

/** A room of `a` that `m` and Dave (of `d`) have joined. */
async function room(t: TestContext, version: string) {
  const net = new VirtualNodes()
  t.after(() => net.stop())
  const [a, m, d] = [await net.add('a'), await net.add('m'), await net.add('d')]
  const roomId = await a.createRoom(version)
  await net.settle()
  for (const node of [m, d]) await node.join(roomId, a)
  await net.settle()
  return { net, a, m, d, roomId }
}

/** Rows that the node reads from its store, counted by key. */
function countReads(node: FuzzNode): () => number {
  let reads = 0
  const { store } = node
  const [get, getMany] = [store.get.bind(store), store.getMany.bind(store)]
  store.get = (key) => {
    reads += 1
    return get(key)
  }
  store.getMany = (keys) => {
    reads += keys.length
    return getMany(keys)
  }
  return () => reads
}

async function take(node: FuzzNode, roomId: RoomId, json: JsonObject): Promise<EventId> {
  const verdict = await node.engine.receive(await checkedAt(node, roomId, json))
  assert.equal(verdict.kind, 'accepted', JSON.stringify(verdict))
  return verdict.eventId
}

test('bad input 54: a thousand forward extremities cost each event no more than a few, and are merged twenty at a time', async (t) => {
  const { net, a, m, roomId } = await room(t, '12')
  const reads = countReads(a)
  const prevEvents = await a.engine.forwardExtremities(roomId)
  const cost: number[] = []
  for (let n = 0; n < 1_000; n++) {
    const content = { msgtype: 'm.text', body: `${n}` }
    const json = await signedEvent(m, a, roomId, { sender: m.userId, type: 'm.room.message', content, prevEvents })
    const before = reads()
    await take(a, roomId, json)
    cost.push(reads() - before)
  }
  const average = (from: number, to: number) => cost.slice(from, to).reduce((sum, one) => sum + one, 0) / (to - from)
  assert.ok(
    average(900, 1_000) <= 2 * average(10, 110) + 5,
    `${average(10, 110)} reads at first, ${average(900, 1_000)} at last`,
  )
  assert.ok((await a.engine.forwardExtremities(roomId)).length > 20, 'the attack does make extremities')
  for (let sends = 0; sends < 60; sends++) {
    const eventId = await a.say(roomId, `merge ${sends}`)
    const stored = (await a.engine.events([eventId])).get(eventId)
    assert.ok((stored?.pdu.prevEvents.length ?? 99) <= 20)
  }
  assert.equal((await a.engine.forwardExtremities(roomId)).length, 1)
  assert.equal(net.faults.total, 0)
})

/**
 * CVE-2024-31208: a long chain of auth events that a member makes of itself, on a branch that contends, so that what comes after
 * resolves over all of it. Counted on an engine that has nothing in memory: each row of the chain that is looked at is read.
 */
test('bad input 56: what contending branches cost grows with the auth chain, not with its square', async (t) => {
  const costs: number[] = []
  for (const length of [50, 100, 200]) costs.push(await contendingBranches(t, length))
  const [short = 0, middle = 0, long = 0] = costs
  t.diagnostic(`rows read: ${costs.join(', ')}`)
  assert.ok(long - middle >= 100, `the longer chain is looked at, so there is something to bound: ${costs.join(', ')}`)
  assert.ok(middle <= 2.4 * short && long <= 2.4 * middle, `rows read: ${costs.join(', ')}`)
})

/** Rows read while one event joins two branches, one of which holds a chain of `length` member events. */
async function contendingBranches(t: TestContext, length: number): Promise<number> {
  const { a, m, roomId } = await room(t, '12')
  const prevEvents = await a.engine.forwardExtremities(roomId)
  const state = await a.engine.currentState(roomId)
  const auth = ['m.room.power_levels', 'm.room.join_rules'].flatMap((type) => state.get(stateSlot(type, '')) ?? [])
  const joined = state.get(stateSlot('m.room.member', m.userId)) ?? assert.fail()
  const draft = (n: number) => ({
    ...{ sender: m.userId, type: 'm.room.member', stateKey: m.userId, ts: Date.UTC(2026, 10, 21) + n },
    content: { membership: 'join', displayname: `${n}` },
  })
  let [member, tip] = [joined, prevEvents]
  for (let n = 0; n < length; n++) {
    const links = { prevEvents: tip, authEvents: [...auth, member] }
    member = await take(a, roomId, await signedEvent(m, a, roomId, { ...draft(n), ...links }))
    tip = [member]
  }
  const links = { prevEvents, authEvents: [...auth, joined] }
  const contending = await checkedAt(a, roomId, await signedEvent(m, a, roomId, { ...draft(-1), ...links }))
  const reads = countReads(a)
  const cold = await openRooms({
    ...{ store: a.store, keys: a.keys.keyRing, crypto: testCrypto, logger: new QuietLogger() },
    ...{ clock: new TestClock(), randomBytes: testRandomBytes(1) },
  })
  assert.equal((await cold.engine.receive(contending)).kind, 'accepted')
  await cold.engine.send({ roomId, sender: a.userId, type: 'm.room.message', content: { body: 'joins the branches' } })
  return reads()
}

/**
 * MSC4297: a server that lost part of the room reports a state in which something undisputed is missing, and says something on
 * top of it. In the engine that comes in by `state_ids` at a missing parent.
 */
async function reportState(m: FuzzNode, a: FuzzNode, roomId: RoomId, ids: readonly EventId[]): Promise<void> {
  const lost = `$${'L'.repeat(43)}` as EventId
  const json = await signedEvent(m, a, roomId, {
    sender: m.userId,
    type: 'm.room.message',
    content: { body: 'x' },
    prevEvents: [lost],
  })
  const load = async (eventIds: Iterable<EventId>) => {
    const stored = await a.engine.events([...eventIds])
    return Promise.all([...stored.values()].map(({ pdu }) => checkedAt(a, roomId, pdu.json)))
  }
  const chain = await a.engine.authChain(ids)
  const verdict = await a.engine.receiveWithState(await checkedAt(a, roomId, json), await load(ids), await load(chain))
  assert.equal(verdict.kind, 'accepted', JSON.stringify(verdict))
}

async function problemA(t: TestContext, version: string) {
  const { a, m, d, roomId } = await room(t, version)
  const dave = stateSlot('m.room.member', d.userId)
  const join = (await a.engine.currentState(roomId)).get(dave)
  await a.engine.send({
    roomId,
    sender: a.userId,
    type: 'm.room.join_rules',
    stateKey: '',
    content: { join_rule: 'invite' },
  })
  const without = [...(await a.engine.currentState(roomId))].filter(([slot]) => slot !== dave).map(([, id]) => id)
  await reportState(m, a, roomId, without)
  return { join, found: (await a.engine.currentState(roomId)).get(dave) }
}

async function problemB(t: TestContext, version: string) {
  const { net, a, m, d, roomId } = await room(t, version)
  const slot = stateSlot('m.room.power_levels', '')
  const own = version === '12' ? {} : { [a.userId]: 100 }
  const events = { 'm.room.power_levels': 50, 'm.room.topic': 50 }
  const setLevels = (node: FuzzNode, users: JsonObject) =>
    node.engine.send({
      roomId,
      sender: node.userId,
      type: 'm.room.power_levels',
      stateKey: '',
      content: { users: { ...own, ...users }, events, invite: 50 },
    })
  await setLevels(a, {})
  const first = new Map(await a.engine.currentState(roomId))
  await setLevels(a, { [d.userId]: 90 })
  await net.settle()
  const topic = await d.engine.send({
    roomId,
    sender: d.userId,
    type: 'm.room.topic',
    stateKey: '',
    content: { topic: 'by Dave' },
  })
  await net.settle()
  const third = await setLevels(d, { [d.userId]: 90, [m.userId]: 80 })
  await net.settle()
  assert.equal((await a.engine.currentState(roomId)).get(slot), third)
  await reportState(m, a, roomId, [...first.set(stateSlot('m.room.topic', ''), topic).values()])
  return { third, found: (await a.engine.currentState(roomId)).get(slot) }
}

test('bad input 55: MSC4297 problem case A, in the engine: the member stays', async (t) => {
  const { join, found } = await problemA(t, '12')
  assert.ok(join)
  assert.equal(found, join)
})

test('bad input 55: MSC4297 problem case B, in the engine: the third power levels stay', async (t) => {
  const { third, found } = await problemB(t, '12')
  assert.equal(found, third)
})

test('bad input 55, twin: by the algorithm of version 11 the same reports reset the state', async (t) => {
  assert.equal((await problemA(t, '11')).found, undefined)
  const { third, found } = await problemB(t, '11')
  assert.notEqual(found, third)
})
