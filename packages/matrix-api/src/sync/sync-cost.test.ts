import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type RoomServer, startRoomServer } from '../rooms/testing/room-server.ts'
import { roomsTouched } from './rooms-touched.ts'

const READS = ['lastChange', 'currentState', 'stateChanges', 'timeline', 'memberCounts'] as const

/** How often rooms are read for one sync after one message. */
async function readsOfOneWake(server: RoomServer, t: TestContext, rooms: number): Promise<number> {
  const alice = await server.user('alice')
  const ids = []
  for (let i = 0; i < rooms; i++) ids.push(await server.createRoom(alice))
  const { next_batch: since } = await server.sync(alice)
  await server.say(alice, ids[0] as (typeof ids)[0], 'hello')
  const counted = READS.map((name) => t.mock.method(server.rooms.reader, name))
  const body = await server.sync(alice, { since })
  assert.deepEqual(Object.keys(body.rooms.join), [ids[0]])
  const reads = counted.reduce((sum, { mock }) => sum + mock.callCount(), 0)
  for (const { mock } of counted) mock.restore()
  return reads
}

test('what a sync reads goes by the rooms in which something happened, not by the rooms that there are', async (t) => {
  await using few = await startRoomServer()
  await using many = await startRoomServer()
  assert.equal(await readsOfOneWake(many, t, 25), await readsOfOneWake(few, t, 2))
})

test('where it is not remembered what happened, every room is looked at', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const roomId = await server.createRoom(alice)
  const positions = server.roomPositions
  const since = positions.current()
  await server.say(alice, roomId, 'hello')
  assert.deepEqual(await roomsTouched(positions, since), new Set([roomId]))
  assert.deepEqual(await roomsTouched(positions, positions.current()), new Set())
  assert.equal(
    await roomsTouched({ ...positions, wait: async () => true } as unknown as typeof positions, since),
    undefined,
  )
})
