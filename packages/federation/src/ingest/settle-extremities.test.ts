import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import type { RoomServer } from '../../test/room-server.ts'
import { type TwoServers, twoServers } from '../../test/two-servers.ts'
import { type HeadRow, tables } from '../store/tables.ts'

/** Two servers in one room, and a user of the second who can be removed without taking her server along. */
async function withCarol(): Promise<TwoServers & { readonly carol: UserId }> {
  const room = await twoServers()
  const { a, b, roomId } = room
  const carol = b.user('carol')
  await b.give(await b.setMembership(roomId, carol, carol, 'join'), a)
  return { ...room, carol }
}

async function headOf({ store }: RoomServer, roomId: RoomId): Promise<HeadRow> {
  const room = (await tables.room.get(store, roomId)) ?? assert.fail('no room')
  return (await tables.head.get(store, room.number)) ?? assert.fail('no head')
}

async function assertSame({ a, b, roomId }: TwoServers, expected: readonly EventId[]): Promise<void> {
  for (const server of [a, b]) {
    assert.deepEqual(new Set(await server.engine.forwardExtremities(roomId)), new Set(expected), server.keys.serverName)
  }
  assert.deepEqual(await a.stateOf(roomId), await b.stateOf(roomId))
}

test('a kick and a message of who is kicked: the kick alone is an extremity, whichever came first', async () => {
  const room = await withCarol()
  const { a, b, alice, carol, roomId } = room
  const kick = await a.setMembership(roomId, alice, carol, 'leave')
  const message = await b.message(roomId, carol, 'while it was on its way')
  assert.equal((await b.give(message, a))[0]?.kind, 'soft-failed')
  assert.equal((await a.give(kick, b))[0]?.kind, 'accepted')
  await assertSame(room, [kick])
  assert.deepEqual(await b.bodies(roomId), ['while it was on its way'], 'what was shown stays in its place')
  assert.deepEqual((await headOf(b, roomId)).dead, [message])
  const next = await a.message(roomId, alice, 'next')
  assert.deepEqual((await a.pdu(next)).prevEvents, [kick])
})

test('a refused event comes back when the state allows it again, and is shown then', async () => {
  const room = await withCarol()
  const { a, b, alice, carol, roomId } = room
  const kick = await a.setMembership(roomId, alice, carol, 'leave')
  const first = await b.message(roomId, carol, 'one')
  const second = await b.message(roomId, carol, 'two')
  await b.give(first, a)
  await b.give(second, a)
  await a.give(kick, b)
  assert.deepEqual(await a.bodies(roomId), [])
  const join = await b.setMembership(roomId, carol, carol, 'join')
  assert.deepEqual((await b.pdu(join)).prevEvents, [kick])
  assert.equal((await b.give(join, a))[0]?.kind, 'accepted')
  await assertSame(room, [second, join])
  assert.deepEqual(await a.bodies(roomId), ['one', 'two'])
  assert.equal((await headOf(a, roomId)).dead, undefined)
})

test('what a banned user builds on an old branch leaves what others wrote there an extremity, and never comes back', async () => {
  const room = await withCarol()
  const { a, b, alice, bob, carol, roomId, version } = room
  const ban = await a.setMembership(roomId, alice, carol, 'ban')
  const fromBob = await b.message(roomId, bob, 'mine')
  assert.equal((await b.give(fromBob, a))[0]?.kind, 'accepted')
  let last = fromBob
  for (let n = 0; n < 30; n++) {
    const json = await b.craft(roomId, { sender: carol, type: 'm.room.message', content: { n }, prevEvents: [last] })
    const verdict = await b.receive(json, version)
    assert.equal((await a.receive(json, version)).kind, 'soft-failed')
    last = verdict.eventId
  }
  await a.give(ban, b)
  await assertSame(room, [ban, fromBob])
  const { dead, exposed } = await headOf(a, roomId)
  assert.deepEqual([dead, exposed], [[last], [fromBob]])
  const merged = await a.message(roomId, alice, 'peace')
  await a.give(merged, b)
  await assertSame(room, [merged])
})

test('a join and a change of the join rules: the room is closed, whichever came first', async () => {
  const room = await twoServers()
  const { a, b, alice, roomId } = room
  const dora = b.user('dora')
  const close = await a.setState(roomId, alice, 'm.room.join_rules', '', { join_rule: 'invite' })
  const join = await b.setMembership(roomId, dora, dora, 'join')
  assert.equal((await b.give(join, a))[0]?.kind, 'soft-failed')
  await a.give(close, b)
  await assertSame(room, [close])
  assert.equal((await b.reader.membership(roomId, dora))?.membership, undefined)
})

test('who leaves does not refuse the own leave; of two leaves at once both servers keep the same one', async () => {
  const room = await withCarol()
  const { a, b, alice, carol, roomId, version } = room
  const prevEvents = await a.engine.forwardExtremities(roomId)
  const message = await a.message(roomId, alice, 'meanwhile')
  const leave = (ts: number) =>
    b.craft(roomId, {
      ...{ sender: carol, type: 'm.room.member', stateKey: carol, content: { membership: 'leave' }, prevEvents },
      ts: b.clock.now() + ts,
    })
  const [one, two] = [await leave(1), await leave(2)]
  assert.equal((await a.receive(one, version)).kind, 'accepted')
  assert.equal((await b.receive(two, version)).kind, 'accepted')
  await a.receive(two, version)
  await b.receive(one, version)
  await a.give(message, b)
  const extremities = await a.engine.forwardExtremities(roomId)
  assert.equal(extremities.length, 2)
  await assertSame(room, extremities)
  assert.ok(extremities.includes(message))
})

test('a refused event that only one server has changes nothing between them', async () => {
  const room = await withCarol()
  const { a, b, alice, bob, carol, roomId, version } = room
  const old = await a.engine.forwardExtremities(roomId)
  const state = await a.engine.currentState(roomId)
  const ban = await a.setMembership(roomId, alice, carol, 'ban')
  await a.give(ban, b)
  for (const draft of [{ type: 'm.room.message' }, { type: 'm.room.member', stateKey: carol }]) {
    const content = { membership: 'join', displayname: 'Carol' }
    const json = await b.craft(roomId, { sender: carol, ...draft, content, prevEvents: old, state })
    assert.equal((await a.receive(json, version)).kind, 'soft-failed')
  }
  await assertSame(room, [ban])
  const name = await b.setState(roomId, bob, 'm.room.name', '', { name: 'without her' })
  assert.equal((await b.give(name, a))[0]?.kind, 'accepted')
  const next = await a.message(roomId, alice, 'next')
  assert.equal((await a.give(next, b))[0]?.kind, 'accepted')
  await assertSame(room, [next])
})

test('of refused leaves a hundred are kept, the same in any order, and no server pushes out what another wrote', async () => {
  const room = await withCarol()
  const { a, b, alice, carol, roomId, version } = room
  const erin = a.user('erin')
  await a.give(await a.setMembership(roomId, erin, erin, 'join'), b)
  const old = await a.engine.forwardExtremities(roomId)
  const leafOf = (server: RoomServer, sender: UserId, n: number) =>
    server.craft(roomId, { sender, type: 'm.room.message', content: { n }, prevEvents: old })
  const leaves: JsonObject[] = []
  for (let n = 0; n < 105; n++) leaves.push(await leafOf(b, carol, n))
  const lone = await leafOf(a, erin, 0)
  for (const user of [carol, erin]) await a.give(await a.setMembership(roomId, alice, user, 'ban'), b)
  const extremities = await a.engine.forwardExtremities(roomId)
  const { eventId } = await a.receive(lone, version)
  for (const json of leaves) await a.receive(json, version)
  for (const json of [...leaves].reverse()) await b.receive(json, version)
  await b.receive(lone, version)
  const kept = new Set((await headOf(a, roomId)).dead)
  assert.equal(kept.size, 100)
  assert.ok(kept.has(eventId), "the one of erin's server")
  assert.deepEqual(new Set((await headOf(b, roomId)).dead), kept)
  assert.deepEqual(await a.engine.forwardExtremities(roomId), extremities)
})

test('a missing parent that comes after a refused child is no leaf beside it', async () => {
  const room = await withCarol()
  const { a, b, alice, carol, roomId } = room
  const parent = await b.message(roomId, carol, 'parent')
  const child = await b.message(roomId, carol, 'child')
  const state = [...((await b.engine.stateBefore(roomId, child))?.values() ?? [])]
  const kick = await a.setMembership(roomId, alice, carol, 'leave')
  const check = async (id: EventId) => a.check((await b.pdu(id)).json, room.version)
  const before = await Promise.all(state.map(check))
  const reported = await a.engine.receiveWithState(await check(child), before, before)
  assert.equal(reported.kind, 'soft-failed')
  assert.equal((await b.give(parent, a))[0]?.kind, 'soft-failed')
  await a.give(kick, b)
  await assertSame(room, [kick])
  for (const server of [a, b]) assert.deepEqual((await headOf(server, roomId)).dead, [child], server.keys.serverName)
})

test('bad input 60: an access control list and an event of who it denies: the list alone, whichever came first', async () => {
  const room = await twoServers()
  const { a, b, alice, bob, roomId } = room
  const content = { allow: ['*'], deny: [b.keys.serverName] }
  const list = await a.setState(roomId, alice, 'm.room.server_acl', '', content)
  const message = await b.message(roomId, bob, 'denied')
  assert.equal((await b.give(message, a))[0]?.kind, 'soft-failed')
  await a.give(list, b)
  await assertSame(room, [list])
  const opened = await a.setState(roomId, alice, 'm.room.server_acl', '', { allow: ['*'] })
  await a.give(opened, b)
  await assertSame(room, [message, opened])
  assert.deepEqual(await a.bodies(roomId), ['denied'])
})

test('what the policy server does not recommend stays refused whatever the state', async () => {
  const { a, b, alice, bob, roomId, version } = await twoServers()
  const spam = await b.craft(roomId, { sender: bob, type: 'm.room.message', content: { body: 'spam' } })
  const options = { softFail: 'policy_server' }
  assert.equal((await a.engine.receive(await a.check(spam, version), options)).kind, 'soft-failed')
  const next = await a.setState(roomId, alice, 'm.room.name', '', { name: 'clean' })
  assert.deepEqual(await a.engine.forwardExtremities(roomId), [next])
  assert.equal((await a.pdu(next)).prevEvents.length, 1)
  assert.deepEqual(await a.bodies(roomId), [])
})
