import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type JsonObject, type RoomId, stateSlot } from '@starling/protocol'
import type { FakeKeyDirectory } from '@starling/testkit'
import type { RoomServer } from '../../test/room-server.ts'
import { RoomServer as Server } from '../../test/room-server.ts'
import type { CheckedPdu } from '../contracts.ts'

/** A room of alice with messages and topics from before bob came; bob's server knows nothing of what was before. */
async function oldRoom(topicEvery = 0) {
  const keys: FakeKeyDirectory = new Map()
  const a = await Server.open('alpha.test', { keys })
  const b = await Server.open('beta.test', { keys })
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  for (let n = 0; n < 10; n++) {
    await a.message(roomId, alice, String(n))
    if (topicEvery > 0 && n % topicEvery === 0) await a.setState(roomId, alice, 'm.room.topic', '', { topic: `t${n}` })
  }
  const bob = b.user('bob')
  await b.joinVia(a, roomId, bob)
  return { a, b, alice, bob, roomId, keys }
}

/** What `/backfill` of `from` would answer: these events and what is before them, newest first. */
async function backfill(
  from: RoomServer,
  to: RoomServer,
  start: readonly EventId[],
  limit: number,
): Promise<CheckedPdu[]> {
  const found: CheckedPdu[] = []
  const queue = [...start]
  for (let at = 0; at < queue.length && found.length < limit; at++) {
    const pdu = await from.pdu(queue[at] as EventId)
    found.push(await to.check(pdu.json, '12'))
    for (const parent of pdu.prevEvents) if (!queue.includes(parent)) queue.push(parent)
  }
  return found
}

async function allBackwards(server: RoomServer, roomId: RoomId, limit = 4): Promise<unknown[]> {
  const seen: unknown[] = []
  let from: number | undefined
  for (let pages = 0; pages < 100; pages++) {
    const walk = { direction: 'b' as const, limit, ...(from === undefined ? {} : { from }) }
    const { events, next } = await server.reader.timeline(roomId, walk)
    seen.push(...events.map(({ pdu }) => pdu.content.body ?? pdu.type))
    if (next === undefined) break
    from = next
  }
  return seen
}

test('history goes before what is stored, in its order, and reading back fetches more of it', async () => {
  const { a, b, roomId } = await oldRoom()
  assert.deepEqual(await b.bodies(roomId), [])
  let fetches = 0
  b.rooms.setFetchHistory(async (room, from, limit) => {
    fetches++
    assert.equal(room, roomId)
    await b.engine.receiveHistory(await backfill(a, b, from, limit))
  })
  const seen = await allBackwards(b, roomId)
  assert.deepEqual(seen, (await allBackwards(a, roomId)).slice())
  assert.equal(seen.length, 16)
  assert.ok(fetches > 1)
  assert.deepEqual(await b.engine.backwardExtremities(roomId), [])
  const before = fetches
  await allBackwards(b, roomId)
  assert.equal(fetches, before, 'nothing more is fetched once the beginning is reached')
})

test('live events go on after history has come, and current state is untouched by it', async () => {
  const { a, b, alice, roomId } = await oldRoom(3)
  const state = await b.stateOf(roomId)
  await b.engine.receiveHistory(await backfill(a, b, await b.engine.backwardExtremities(roomId), 100))
  assert.deepEqual(await b.stateOf(roomId), state)
  const eventId = await a.message(roomId, alice, 'live')
  assert.equal((await a.give(eventId, b))[0]?.kind, 'accepted')
  assert.deepEqual(await b.bodies(roomId), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'live'])
})

test('state around history: memberships as they were; what an older event set is empty before it', async () => {
  const { a, b, alice, bob, roomId } = await oldRoom(5)
  await b.engine.receiveHistory(await backfill(a, b, await b.engine.backwardExtremities(roomId), 100))
  const { events } = await b.reader.timeline(roomId, { direction: 'f', limit: 100 })
  for (const { pdu } of events.filter(({ order }) => (order ?? 0) < 0)) {
    const [here, there] = [
      await b.reader.stateBefore(roomId, pdu.eventId),
      await a.reader.stateBefore(roomId, pdu.eventId),
    ]
    for (const user of [alice, bob]) {
      const slot = stateSlot('m.room.member', user)
      assert.equal(here.get(slot), there.get(slot), `${user} before ${pdu.type}`)
    }
    const topic = stateSlot('m.room.topic', '')
    assert.ok(here.get(topic) === undefined || here.get(topic) === there.get(topic))
  }
})

test('bad input 46: pages of history full of rejected events do not end the walk', async () => {
  const { a, b, bob, roomId, keys } = await oldRoom()
  const rejected = new Map<EventId, JsonObject>()
  // Bob's server builds a long branch of events that he has no power for, and one message on top of them.
  let prevEvents = await b.engine.forwardExtremities(roomId)
  for (let n = 0; n < 40; n++) {
    const topic = { sender: bob, type: 'm.room.topic', stateKey: '', content: { topic: `no ${n}` }, prevEvents }
    const json = await b.craft(roomId, topic)
    const verdict = await a.receive(json, '12')
    assert.equal(verdict.kind, 'rejected')
    rejected.set(verdict.eventId, json)
    prevEvents = [verdict.eventId]
  }
  const message = { sender: bob, type: 'm.room.message', content: { body: 'on top' }, prevEvents }
  assert.equal((await a.receive(await b.craft(roomId, message), '12')).kind, 'accepted')
  const c = await Server.open('gamma.test', { keys })
  await c.joinVia(a, roomId, c.user('carol'))
  c.rooms.setFetchHistory(async (_, from) => {
    const [eventId = assert.fail()] = from
    const json = rejected.get(eventId) ?? (await a.pdu(eventId)).json
    await c.engine.receiveHistory([await c.check(json, '12')])
  })
  const seen = await allBackwards(c, roomId, 3)
  assert.ok(seen.includes('on top') && seen.includes('0') && seen.includes('m.room.create'), seen.join())
  assert.ok(!seen.includes('m.room.topic'))
})

test('history that hangs on nothing stored is kept outside the DAG', async () => {
  const { a, b, roomId } = await oldRoom()
  const [newest = assert.fail()] = await b.engine.backwardExtremities(roomId)
  const [, second = assert.fail()] = await backfill(a, b, [newest], 2)
  const [verdict] = await b.engine.receiveHistory([second])
  assert.equal(verdict?.kind, 'outlier')
  assert.deepEqual(await b.bodies(roomId), [])
  const both = await backfill(a, b, [newest], 2)
  assert.deepEqual(
    (await b.engine.receiveHistory(both)).map(({ kind }) => kind),
    ['accepted', 'accepted'],
  )
  assert.equal((await b.engine.receiveHistory(both))[0]?.kind, 'duplicate')
})

test('missing parents that nobody gives: the reported state lets the event in, and history fills the gap', async () => {
  const { a, b, alice, roomId } = await oldRoom()
  const lost = await a.message(roomId, alice, 'lost')
  await a.setState(roomId, alice, 'm.room.name', '', { name: 'set while away' })
  const last = await a.message(roomId, alice, 'last')
  assert.equal((await a.give(last, b))[0]?.kind, 'waiting')
  const before = [...((await a.engine.stateBefore(roomId, last))?.values() ?? [])]
  const chain = [...(await a.engine.authChain([...before, last]))]
  const check = async (ids: readonly EventId[]) =>
    Promise.all(ids.map(async (id) => b.check((await a.pdu(id)).json, '12')))
  const checked = await b.check((await a.pdu(last)).json, '12')
  const verdict = await b.engine.receiveWithState(checked, await check(before), await check(chain))
  assert.equal(verdict.kind, 'accepted')
  assert.deepEqual((await b.reader.stateEvent(roomId, 'm.room.name', ''))?.pdu.content, { name: 'set while away' })
  assert.equal((await b.engine.backwardExtremities(roomId)).length, 2)
  await b.engine.receiveHistory(await backfill(a, b, (await a.pdu(last)).prevEvents, 2))
  assert.ok((await b.bodies(roomId)).includes('lost'))
  assert.equal((await b.engine.events([lost])).size, 1)
  const next = await a.message(roomId, alice, 'next')
  assert.equal((await a.give(next, b))[0]?.kind, 'accepted')
})

test('bad input 57: a banned user writes no history before an event that was soft-failed', async () => {
  const { a, b, alice, bob, roomId } = await oldRoom()
  const atJoin = await a.engine.currentState(roomId)
  const ban = await a.setMembership(roomId, alice, bob, 'ban')
  // What nobody else has: bob's server gives it, and the state from before the ban, to whoever asks it for history.
  const hidden = await b.craft(roomId, { sender: bob, type: 'm.room.message', content: { body: 'slander' } })
  const { pdu: past } = await a.check(hidden, '12')
  const top = await b.craft(roomId, { sender: bob, type: 'm.room.message', prevEvents: [past.eventId] })
  const stored = [...(await a.engine.events([...atJoin.values()])).values()]
  const state = stored.map(({ pdu, roomVersion }) => ({ pdu, roomVersion, redacted: false }))
  const before = await a.engine.backwardExtremities(roomId)
  const verdict = await a.engine.receiveWithState(await a.check(top, '12'), state, state)
  assert.equal(verdict.kind, 'soft-failed')
  assert.deepEqual(await a.engine.backwardExtremities(roomId), before, 'nothing more is asked for')
  assert.equal((await a.engine.receiveHistory([await a.check(hidden, '12')]))[0]?.kind, 'outlier')
  assert.ok(!(await a.bodies(roomId)).includes('slander'))

  // The twin: once an accepted event stands on it, what is before it belongs to the room.
  const { pdu: soft } = await a.check(top, '12')
  const built = await a.craft(roomId, { sender: alice, type: 'm.room.message', prevEvents: [soft.eventId, ban] })
  assert.equal((await a.receive(built, '12')).kind, 'accepted')
  assert.deepEqual(await a.engine.backwardExtremities(roomId), [past.eventId])
})

test('a missing parent that comes late by the usual way does not become an extremity again', async () => {
  const { a, b, alice, roomId } = await oldRoom()
  const late = await a.message(roomId, alice, 'late')
  const last = await a.message(roomId, alice, 'last')
  const before = [...((await a.engine.stateBefore(roomId, last))?.values() ?? [])]
  const check = async (id: EventId) => b.check((await a.pdu(id)).json, '12')
  const state = await Promise.all(before.map(check))
  const chain = await Promise.all([...(await a.engine.authChain([...before, last]))].map(check))
  assert.equal((await b.engine.receiveWithState(await check(last), state, chain)).kind, 'accepted')
  assert.ok((await b.engine.backwardExtremities(roomId)).includes(late))
  assert.equal((await b.engine.forwardExtremities(roomId)).length, 2)
  assert.equal((await a.give(late, b))[0]?.kind, 'accepted')
  assert.deepEqual(await b.engine.forwardExtremities(roomId), [last], 'it closes the gap and is no end itself')
  assert.ok(!(await b.engine.backwardExtremities(roomId)).includes(late))
})
