import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { type FakeKeyDirectory, MemoryStore, TestClock } from '@starling/testkit'
import { RoomServer } from '../../test/room-server.ts'
import { RoomError } from './room-error.ts'

async function twoServers() {
  const keys: FakeKeyDirectory = new Map()
  const a = await RoomServer.open('alpha.test', { keys })
  const b = await RoomServer.open('beta.test', { keys })
  return { a, b, alice: a.user('alice'), bob: b.user('bob') }
}

for (const version of ['10', '11', '12']) {
  test(`version ${version}: create, send, join from elsewhere, and messages both ways`, async () => {
    const { a, b, alice, bob } = await twoServers()
    const roomId = await a.createRoom(alice, version)
    assert.equal(await a.engine.roomVersion(roomId), version)
    assert.deepEqual(await a.engine.joinedRooms(), [roomId])
    await a.message(roomId, alice, 'one')

    const joinId = await b.joinVia(a, roomId, bob)
    assert.ok(a.engine.isServerJoined(roomId, b.keys.serverName))
    assert.deepEqual([...(await b.engine.joinedServers(roomId))].sort(), ['alpha.test', 'beta.test'])
    assert.deepEqual(await b.stateOf(roomId), await a.stateOf(roomId))

    const two = await b.message(roomId, bob, 'two')
    const verdict = await a.receive((await b.pdu(two)).json, version)
    assert.equal(verdict.kind, 'accepted')
    const three = await a.message(roomId, alice, 'three')
    assert.equal((await b.receive((await a.pdu(three)).json, version)).kind, 'accepted')
    assert.deepEqual(await a.bodies(roomId), ['one', 'two', 'three'])
    assert.deepEqual(await b.bodies(roomId), ['two', 'three'])
    assert.deepEqual(await b.engine.forwardExtremities(roomId), await a.engine.forwardExtremities(roomId))
    assert.deepEqual(await b.engine.backwardExtremities(roomId), (await a.pdu(joinId)).prevEvents)
  })
}

test('a version 12 room is named after its create event, which holds no creator', async () => {
  const a = await RoomServer.open('alpha.test')
  const roomId = await a.createRoom(a.user('alice'), '12')
  const create = await a.reader.stateEvent(roomId, 'm.room.create', '')
  assert.equal(create?.pdu.eventId.slice(1), roomId.slice(1))
  assert.deepEqual(create?.pdu.content, { room_version: '12' })
  const ten = await a.createRoom(a.user('alice'), '10')
  const createTen = await a.reader.stateEvent(ten, 'm.room.create', '')
  assert.deepEqual(createTen?.pdu.content, { creator: a.user('alice'), room_version: '10' })
})

test('a creation that the auth rules refuse leaves nothing behind', async () => {
  const a = await RoomServer.open('alpha.test')
  const alice = a.user('alice')
  const events = [{ type: 'm.room.member', stateKey: a.user('bob'), content: { membership: 'join' } }]
  const creation = { creator: alice, roomVersion: '12', creationContent: {}, events }
  await assert.rejects(a.engine.create(creation), (error) => error instanceof RoomError && error.code === 'forbidden')
  assert.deepEqual(await a.engine.joinedRooms(), [])
  assert.deepEqual(await a.reader.roomsOf(alice), [])
  await assert.rejects(
    a.engine.create({ ...creation, roomVersion: '99', events: [] }),
    (error) => error instanceof RoomError && error.code === 'unsupported-room-version',
  )
})

test("a creator's own join given first takes the place of the plain one", async () => {
  const a = await RoomServer.open('alpha.test')
  const alice = a.user('alice')
  const content = { membership: 'join', displayname: 'Alice' }
  const events = [{ type: 'm.room.member', stateKey: alice, content }]
  const roomId = await a.engine.create({ creator: alice, roomVersion: '12', creationContent: {}, events })
  assert.deepEqual((await a.reader.stateEvent(roomId, 'm.room.member', alice))?.pdu.content, content)
  assert.equal((await a.reader.timeline(roomId, { direction: 'f', limit: 10 })).events.length, 2)
})

test('bad input 14: the same transaction makes one event, also at the same time', async () => {
  const a = await RoomServer.open('alpha.test')
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  const transaction = { userId: alice, deviceId: 'DEVICE', txnId: 'm1' }
  const draft = { roomId, sender: alice, type: 'm.room.message', content: { body: 'once' } }
  const ids = await Promise.all([1, 2, 3].map(() => a.engine.send(draft, { transaction })))
  assert.equal(new Set(ids).size, 1)
  assert.equal(await a.engine.send(draft, { transaction }), ids[0])
  assert.deepEqual(await a.bodies(roomId), ['once'])
  const other = { ...transaction, deviceId: 'OTHER' }
  assert.notEqual(await a.engine.send(draft, { transaction: other }), ids[0])
  const stored = await a.reader.event(roomId, ids[0] ?? assert.fail())
  assert.deepEqual(stored?.transaction, transaction)
})

test('a transaction id is forgotten a week later, at the next start', async () => {
  const store = new MemoryStore()
  const clock = new TestClock()
  const a = await RoomServer.open('alpha.test', { store, clock })
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  const transaction = { userId: alice, deviceId: 'DEVICE', txnId: 'm1' }
  const draft = { roomId, sender: alice, type: 'm.room.message', content: { body: 'once' } }
  const eventId = await a.engine.send(draft, { transaction })
  clock.advance(6 * 24 * 60 * 60 * 1000)
  const soon = await RoomServer.open('alpha.test', { store, clock })
  assert.equal(await soon.engine.send(draft, { transaction }), eventId)
  clock.advance(2 * 24 * 60 * 60 * 1000)
  const late = await RoomServer.open('alpha.test', { store, clock })
  assert.notEqual(await late.engine.send(draft, { transaction }), eventId)
})

test('content that events cannot have is refused', async () => {
  const a = await RoomServer.open('alpha.test')
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  const send = (content: JsonObject) => a.engine.send({ roomId, sender: alice, type: 'x', content })
  await assert.rejects(send({ n: 1.5 }), (error) => error instanceof RoomError && error.code === 'bad-content')
  await assert.rejects(
    send({ body: 'x'.repeat(70_000) }),
    (error) => error instanceof RoomError && error.code === 'too-large',
  )
  assert.equal((await a.reader.timeline(roomId, { direction: 'f', limit: 100 })).events.length, 5)
})

test('bad input 25 and 26: a local user without the power is told so', async () => {
  const a = await RoomServer.open('alpha.test')
  const [alice, carol, dave] = [a.user('alice'), a.user('carol'), a.user('dave')]
  const roomId = await a.createRoom(alice)
  for (const user of [carol, dave]) await a.setMembership(roomId, user, user, 'join')
  const forbidden = (error: unknown) => error instanceof RoomError && error.code === 'forbidden'
  const levels = { users: { [carol]: 100 } }
  await assert.rejects(a.setState(roomId, carol, 'm.room.power_levels', '', levels), forbidden)
  await assert.rejects(a.setMembership(roomId, carol, dave, 'ban'), forbidden)
  await assert.rejects(a.setMembership(roomId, carol, alice, 'leave'), forbidden)
  await a.setMembership(roomId, alice, dave, 'ban')
  assert.equal((await a.reader.membership(roomId, dave))?.membership, 'ban')
})

test('a state event is dated after the one it replaces, also within one millisecond', async () => {
  const a = await RoomServer.open('alpha.test', {})
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  const rename = async (name: string) => a.pdu(await a.setState(roomId, alice, 'm.room.name', '', { name }))
  const [first, second] = [await rename('first'), await rename('second')]
  assert.ok(second.originServerTs > first.originServerTs)
  // A clock that was far ahead once does not date everything after it.
  a.clock.advance(-5_000)
  assert.equal((await rename('third')).originServerTs, a.clock.now())
})

test('what is acknowledged is read at once, whatever is being written elsewhere', async () => {
  const a = await RoomServer.open('alpha.test')
  const alice = a.user('alice')
  const roomId = await a.createRoom(alice)
  const elsewhere = a.rooms.positions.allocate()
  let acknowledged = false
  const sending = a.message(roomId, alice, 'hello').finally(() => {
    acknowledged = true
  })
  // Long enough for the memory store, which answers within a few turns.
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  assert.equal(acknowledged, false)
  elsewhere.done({ rooms: [] })
  const eventId = await sending
  const { events } = await a.reader.timeline(roomId, {
    ...{ direction: 'b', from: a.rooms.positions.current(), to: 0, limit: 1 },
  } as const)
  assert.deepEqual(
    events.map(({ pdu }) => pdu.eventId),
    [eventId],
  )
})
