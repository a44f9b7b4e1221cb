import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRoomServer } from '../rooms/testing/room-server.ts'
import { ModelClient } from './testing/model-client.ts'

const WRITES = 120

test('syncs that run while others write miss nothing and repeat nothing', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  const client = new ModelClient(server, alice, roomId, false)
  const exact = new ModelClient(server, alice, roomId, true)
  let writing = true
  const write = async () => {
    for (let i = 0; i < WRITES; i++) {
      const name = { roomId, sender: alice.userId, type: 'm.room.name', stateKey: '', content: { name: `${i}` } }
      const message = { roomId, sender: alice.userId, type: 'm.room.message', content: { body: `${i}` } }
      const membership = i % 2 === 0 ? 'join' : 'leave'
      await Promise.all([
        server.rooms.send(i % 3 === 0 ? name : message),
        server.rooms.changeMembership({ roomId, sender: bob.userId, target: bob.userId, membership }),
      ])
    }
    writing = false
  }
  const read = async (reader: ModelClient) => {
    while (writing) await reader.sync(3)
    await reader.sync(3)
  }
  await Promise.all([write(), read(client), read(exact)])
  const whole = new ModelClient(server, alice, roomId, false)
  while (whole.timeline.length === 0) await whole.sync(250)
  for (const reader of [client, exact]) {
    assert.deepEqual(reader.timeline, whole.timeline)
    assert.deepEqual([...reader.state].sort(), [...whole.state].sort())
  }
  assert.equal(new Set(client.timeline).size, client.timeline.length)
  assert.ok(client.timeline.length > WRITES)
})
