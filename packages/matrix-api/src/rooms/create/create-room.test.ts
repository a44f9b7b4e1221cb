import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startRoomServer } from '../testing/room-server.ts'

test('a created room is there in the next sync, with its state in order', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  await server.profiles.set(alice.userId, 'displayname', 'Alice')
  const roomId = await server.createRoom(alice, { name: 'Tea', topic: 'Leaves', preset: 'private_chat' })
  const body = await server.sync(alice)
  const room = body.rooms.join[roomId]
  assert.deepEqual(
    room.timeline.events.map((event: { type: string }) => event.type),
    [
      'm.room.create',
      'm.room.member',
      'm.room.power_levels',
      'm.room.join_rules',
      'm.room.history_visibility',
      'm.room.guest_access',
      'm.room.name',
      'm.room.topic',
    ],
  )
  assert.equal(room.timeline.limited, false)
  assert.deepEqual(room.state.events, [])
  assert.equal(room.timeline.events[1].content.displayname, 'Alice')
})
