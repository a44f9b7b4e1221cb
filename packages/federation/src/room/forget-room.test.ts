import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '@starling/testkit'
import { RoomServer } from '../../test/room-server.ts'
import { RoomError } from './room-error.ts'

const codeIs = (code: string) => (error: unknown) => error instanceof RoomError && error.code === code

test('the last local user that forgets a room takes all of it off the disk', async () => {
  const store = new MemoryStore()
  const server = await RoomServer.open('alpha.test', { store })
  const [alice, carol] = [server.user('alice'), server.user('carol')]
  const empty = store.size
  const roomId = await server.createRoom(alice)
  await server.setMembership(roomId, carol, carol, 'join')
  await server.message(roomId, alice, 'gone with the room')
  await assert.rejects(server.engine.forget(roomId, alice), codeIs('forbidden'))
  await server.setMembership(roomId, alice, alice, 'leave')
  await server.engine.forget(roomId, alice)
  assert.equal((await server.reader.membership(roomId, alice))?.forgotten, true)
  assert.deepEqual(await server.bodies(roomId), ['gone with the room'], 'carol is still there')

  await server.setMembership(roomId, carol, carol, 'leave')
  await server.engine.forget(roomId, carol)
  assert.equal(store.size, empty)
  assert.equal(await server.engine.roomVersion(roomId), undefined)
  assert.deepEqual(await server.bodies(roomId), [])
  assert.deepEqual(await server.reader.roomsOf(alice), [])
  await assert.rejects(server.engine.forget(roomId, carol), codeIs('unknown-room'))
  await assert.rejects(server.message(roomId, carol, 'x'), codeIs('unknown-room'))
})

test('a room that was forgotten can be entered again', async () => {
  const keys = new Map()
  const a = await RoomServer.open('alpha.test', { keys })
  const b = await RoomServer.open('beta.test', { keys })
  const [alice, bob] = [a.user('alice'), b.user('bob')]
  const roomId = await a.createRoom(alice)
  await b.joinVia(a, roomId, bob)
  const leave = await b.setMembership(roomId, bob, bob, 'leave')
  await b.give(leave, a)
  await b.engine.forget(roomId, bob)
  await a.message(roomId, alice, 'meanwhile')
  await b.joinVia(a, roomId, bob)
  assert.deepEqual(await b.stateOf(roomId), await a.stateOf(roomId))
  const eventId = await a.message(roomId, alice, 'welcome back')
  assert.equal((await a.give(eventId, b))[0]?.kind, 'accepted')
  assert.deepEqual(await b.bodies(roomId), ['welcome back'])
})

test('a room that was left but not forgotten can be entered again, and keeps its history', async () => {
  const keys = new Map()
  const a = await RoomServer.open('alpha.test', { keys })
  const b = await RoomServer.open('beta.test', { keys })
  const [alice, bob] = [a.user('alice'), b.user('bob')]
  const roomId = await a.createRoom(alice)
  await b.joinVia(a, roomId, bob)
  await b.message(roomId, bob, 'before')
  const [said = assert.fail()] = await b.engine.forwardExtremities(roomId)
  await b.give(said, a)
  await b.give(await b.setMembership(roomId, bob, bob, 'leave'), a)
  await a.setState(roomId, alice, 'm.room.name', '', { name: 'renamed' })
  await b.joinVia(a, roomId, bob)
  assert.deepEqual(await b.stateOf(roomId), await a.stateOf(roomId))
  assert.deepEqual(await b.reader.memberCounts(roomId), { joined: 2, invited: 0 })
  assert.deepEqual(await b.bodies(roomId), ['before'])
  const reply = await b.message(roomId, bob, 'back')
  assert.equal((await b.give(reply, a))[0]?.kind, 'accepted')
})

test('a purge that a crash interrupted is finished when the rooms are opened again', async () => {
  const store = new MemoryStore()
  const server = await RoomServer.open('alpha.test', { store })
  const alice = server.user('alice')
  const empty = store.size
  const roomId = await server.createRoom(alice)
  await server.setMembership(roomId, alice, alice, 'leave')
  const batches: MemoryStore[] = []
  const batch = store.batch.bind(store)
  store.batch = async (operations) => {
    await batch(operations)
    batches.push(store.clone())
  }
  await server.engine.forget(roomId, alice)
  assert.ok(batches.length >= 2)
  for (const crashed of batches) {
    const again = await RoomServer.open('alpha.test', { store: crashed })
    assert.equal(crashed.size, empty)
    assert.equal(await again.engine.roomVersion(roomId), undefined)
  }
})
