import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject } from '@starling/protocol'
import { twoServers } from '../../test/two-servers.ts'

const reasonOf = (verdict: { readonly kind: string }) => ('reason' in verdict ? verdict.reason : undefined)

test('a duplicate changes nothing', async () => {
  const { a, b, bob, roomId } = await twoServers()
  const eventId = await b.message(roomId, bob, 'hello')
  assert.deepEqual(
    (await b.give(eventId, a)).map(({ kind }) => kind),
    ['accepted'],
  )
  const position = a.rooms.positions.current()
  assert.deepEqual(await b.give(eventId, a), [{ kind: 'duplicate', eventId }])
  assert.equal(a.rooms.positions.current(), position)
  assert.deepEqual(await a.bodies(roomId), ['hello'])
})

test('an event whose parents are not here waits and is not stored', async () => {
  const { a, b, bob, roomId } = await twoServers()
  const first = await b.message(roomId, bob, 'one')
  const second = await b.message(roomId, bob, 'two')
  const [verdict] = await b.give(second, a)
  assert.deepEqual(verdict, { kind: 'waiting', eventId: second, missingPrev: [first], missingAuth: [] })
  assert.equal((await a.engine.events([second])).size, 0)
  assert.equal((await b.give(first, a))[0]?.kind, 'accepted')
  assert.equal((await b.give(second, a))[0]?.kind, 'accepted')
  assert.deepEqual(await a.bodies(roomId), ['one', 'two'])
})

test('an event of a room that nobody here is in is refused', async () => {
  const { a, b, alice, bob, roomId, version } = await twoServers()
  await b.setMembership(roomId, bob, bob, 'leave')
  const eventId = await a.message(roomId, alice, 'after he left')
  const verdict = await b.receive((await a.pdu(eventId)).json, version)
  assert.deepEqual(verdict, { kind: 'refused', eventId, reason: 'the room is not joined here' })
})

test('rejected: kept as such, no extremity, not shown; what is built on it is judged by the state without it', async () => {
  const { a, b, bob, roomId, version, joinId } = await twoServers()
  const topic = await b.craft(roomId, { sender: bob, type: 'm.room.topic', stateKey: '', content: { topic: 'mine' } })
  const verdict = await a.receive(topic, version)
  assert.equal(verdict.kind, 'rejected')
  assert.equal(reasonOf(verdict), 'event_level')
  assert.deepEqual(await a.engine.forwardExtremities(roomId), [joinId])
  assert.equal((await a.engine.events([verdict.eventId])).size, 0)
  assert.equal(await a.reader.event(roomId, verdict.eventId), undefined)
  assert.deepEqual([...(await a.engine.inDag([verdict.eventId]))], [verdict.eventId])

  const child = await b.craft(roomId, { sender: bob, type: 'm.room.message', prevEvents: [verdict.eventId] })
  const childVerdict = await a.receive(child, version)
  assert.equal(childVerdict.kind, 'accepted')
  assert.equal(await a.reader.stateEvent(roomId, 'm.room.topic', ''), undefined)
  assert.deepEqual(await a.engine.forwardExtremities(roomId), [childVerdict.eventId], 'the rejected one lay between')
})

test('bad input 38: an absurd depth decides nothing', async () => {
  const { a, b, alice, bob, roomId, version } = await twoServers()
  const deep = await b.craft(roomId, {
    sender: bob,
    type: 'm.room.message',
    content: { msgtype: 'm.text', body: 'deep' },
    depth: Number.MAX_SAFE_INTEGER,
  })
  assert.equal((await a.receive(deep, version)).kind, 'accepted')
  const after = await a.message(roomId, alice, 'after')
  assert.equal((await a.pdu(after)).depth, Number.MAX_SAFE_INTEGER)
  assert.equal((await a.give(after, b))[0]?.kind, 'waiting')
  await b.receive(deep, version)
  assert.equal((await a.give(after, b))[0]?.kind, 'accepted')
  assert.deepEqual(await a.bodies(roomId), ['deep', 'after'])
})

test('bad input 39: auth events of another room, twice, rejected, or missing', async () => {
  const { a, b, bob, roomId, version, joinId } = await twoServers()
  const message = { sender: bob, type: 'm.room.message', content: {} }
  const { authEvents } = await b.pdu(await b.message(roomId, bob, 'x'))

  const otherRoom = await a.createRoom(a.user('alice'), version)
  const foreign = (await a.reader.stateEvent(otherRoom, 'm.room.power_levels', ''))?.pdu.eventId ?? assert.fail()
  const otherLevels = await a.receive(
    await b.craft(roomId, { ...message, authEvents: [foreign, joinId], prevEvents: [joinId] }),
    version,
  )
  assert.equal(reasonOf(otherLevels), 'auth_event_other_room')

  const twice = await a.receive(
    await b.craft(roomId, { ...message, authEvents: [...authEvents, joinId], prevEvents: [joinId] }),
    version,
  )
  assert.equal(reasonOf(twice), 'auth_event_duplicate')

  const missing = `$${'m'.repeat(43)}` as EventId
  const waiting = await a.receive(
    await b.craft(roomId, { ...message, authEvents: [...authEvents, missing], prevEvents: [joinId] }),
    version,
  )
  assert.deepEqual(waiting, { kind: 'waiting', eventId: waiting.eventId, missingPrev: [], missingAuth: [missing] })

  const levels = await b.craft(roomId, {
    sender: bob,
    type: 'm.room.power_levels',
    stateKey: '',
    content: { users: { [bob]: 100 } },
    prevEvents: [joinId],
  })
  const rejected = await a.receive(levels, version)
  assert.equal(rejected.kind, 'rejected')
  const onRejected = await a.receive(
    await b.craft(roomId, { ...message, authEvents: [rejected.eventId, joinId], prevEvents: [joinId] }),
    version,
  )
  assert.equal(reasonOf(onRejected), 'auth_event_rejected')
  // The twin: the same event with the auth events that it should have is taken.
  const right = await a.receive(await b.craft(roomId, { ...message, authEvents, prevEvents: [joinId] }), version)
  assert.equal(right.kind, 'accepted')
})

test('bad input 41 and 57: what a banned user adds to an old branch is soft-failed, and nothing comes of it', async () => {
  const { a, b, alice, bob, roomId, version, joinId } = await twoServers()
  const ban = await a.setMembership(roomId, alice, bob, 'ban')
  const late = await b.message(roomId, bob, 'I am still here')
  const [verdict] = await b.give(late, a)
  assert.equal(verdict?.kind, 'soft-failed')
  assert.deepEqual(await a.engine.forwardExtremities(roomId), [ban])
  assert.deepEqual(await a.bodies(roomId), [])
  assert.equal(await a.reader.event(roomId, late), undefined)
  assert.equal((await a.engine.events([late])).get(late)?.status, 'soft-failed', 'other servers may ask for it')

  const rejoin = await b.craft(roomId, {
    sender: bob,
    type: 'm.room.member',
    stateKey: bob,
    content: { membership: 'join', displayname: 'Bob again' },
    prevEvents: [late],
  })
  assert.equal((await a.receive(rejoin, version)).kind, 'soft-failed')
  const next = await a.message(roomId, alice, 'peace')
  assert.deepEqual((await a.pdu(next)).prevEvents, [ban])
  assert.equal((await a.reader.membership(roomId, bob))?.membership, 'ban')
  assert.equal(a.engine.isServerJoined(roomId, b.keys.serverName), false)

  // The twin: a server that has not heard of the ban takes the very same events.
  const c = await twoServers()
  assert.equal((await c.b.give(await c.b.message(c.roomId, c.bob, 'I am here'), c.a))[0]?.kind, 'accepted')
  assert.notEqual(joinId, undefined)
})

test('a soft-failed event that others build on lets what is built on it in', async () => {
  const { a, b, alice, roomId, version, joinId } = await twoServers()
  const carol = b.user('carol')
  const carolJoin = await b.setMembership(roomId, carol, carol, 'join')
  await b.give(carolJoin, a)
  const ban = await a.setMembership(roomId, alice, carol, 'ban')
  const fromCarol = await b.message(roomId, carol, 'before I heard of it')
  assert.equal((await b.give(fromCarol, a))[0]?.kind, 'soft-failed')
  const bob = b.user('bob')
  const merge = await b.craft(roomId, { sender: bob, type: 'm.room.message', prevEvents: [fromCarol] })
  const verdict = await a.receive(merge, version)
  assert.equal(verdict.kind, 'accepted')
  assert.deepEqual(new Set(await a.engine.forwardExtremities(roomId)), new Set([ban, verdict.eventId]))
  assert.equal((await a.reader.membership(roomId, carol))?.membership, 'ban')
  assert.notEqual(joinId, fromCarol)
})

test('bad input 58: two state events in one place are both kept, and every server chooses the same', async () => {
  const { a, b, alice, roomId, version, joinId } = await twoServers()
  const name = (text: string, ts: number) =>
    a.craft(roomId, {
      sender: alice,
      type: 'm.room.name',
      stateKey: '',
      content: { name: text },
      prevEvents: [joinId],
      ts: a.clock.now() + ts,
    })
  const both = [await name('one', 1), await name('two', 2)]
  for (const json of both) assert.equal((await a.receive(json, version)).kind, 'accepted')
  for (const json of both.toReversed()) assert.equal((await b.receive(json, version)).kind, 'accepted')
  assert.deepEqual(await a.stateOf(roomId), await b.stateOf(roomId))
  assert.equal((await a.engine.forwardExtremities(roomId)).length, 2)
  const merge = await a.message(roomId, alice, 'merged')
  assert.equal((await a.pdu(merge)).prevEvents.length, 2)
  assert.equal((await a.give(merge, b))[0]?.kind, 'accepted')
  assert.deepEqual(await b.engine.forwardExtremities(roomId), [merge])
})

test('bad input 54: a thousand forward extremities are merged twenty at a time', async () => {
  const { a, b, alice, bob, roomId, version, joinId } = await twoServers()
  for (let n = 0; n < 100; n++) {
    const json = await b.craft(roomId, {
      sender: bob,
      type: 'm.room.message',
      content: { n },
      prevEvents: [joinId],
    })
    assert.equal((await a.receive(json, version)).kind, 'accepted')
  }
  assert.equal((await a.engine.forwardExtremities(roomId)).length, 100)
  for (let sends = 0; sends < 6; sends++) {
    const eventId = await a.message(roomId, alice, `merge ${sends}`)
    assert.ok((await a.pdu(eventId)).prevEvents.length <= 20)
  }
  assert.equal((await a.engine.forwardExtremities(roomId)).length, 1)
})

test('bad input 40: a second create event, or one for another room, is not taken', async () => {
  for (const version of ['10', '12']) {
    const { a, alice, roomId } = await twoServers(version)
    const create = await a.craft(roomId, {
      sender: alice,
      type: 'm.room.create',
      stateKey: '',
      content: { room_version: version, creator: alice, n: 2 },
      prevEvents: [],
      authEvents: [],
    })
    assert.equal((await a.receive(create, version)).kind, 'refused')
    const [outlier] = await a.engine.receiveOutliers([await a.check(create, version)])
    assert.ok(outlier?.kind === 'rejected' || outlier?.kind === 'refused', outlier?.kind)
  }
})

test('an event checked by the rules of another version is refused', async () => {
  const { a, b, bob, roomId } = await twoServers('11')
  const eventId = await b.message(roomId, bob, 'x')
  const verdict = await a.receive((await b.pdu(eventId)).json as JsonObject, '10')
  assert.equal(verdict.kind, 'refused')
})
