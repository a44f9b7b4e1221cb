import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import { type RoomServer, startRoomServer } from '../rooms/testing/room-server.ts'
import { list, SlidingClient } from './testing/sliding-client.ts'

const READS = ['currentState', 'stateChanges', 'timeline', 'memberCounts', 'lastChange', 'events'] as const
type Read = (typeof READS)[number]

/** What `work` reads of the rooms: how often each, and whose state. */
async function readsOf(server: RoomServer, t: TestContext, work: () => Promise<unknown>) {
  const mocks = READS.map((name) => [name, t.mock.method(server.rooms.reader, name)] as const)
  await work()
  const states = mocks.find(([name]) => name === 'currentState')?.[1].mock.calls ?? []
  const counts = Object.fromEntries(mocks.map(([name, { mock }]) => [name, mock.callCount()])) as Record<Read, number>
  for (const [, { mock }] of mocks) mock.restore()
  return { counts, roomsWithStateRead: new Set(states.map(({ arguments: [roomId] }) => roomId)).size }
}

async function withRooms(rooms: number) {
  const server = await startRoomServer()
  const alice = await server.user('alice')
  const ids: RoomId[] = []
  for (let i = 0; i < rooms; i++) ids.push(await server.createRoom(alice))
  return { server, alice, ids, client: new SlidingClient(server, alice) }
}

const PAGE = list({ ranges: [[0, 2]], timeline_limit: 1, required_state: [['m.room.name', '']] })

test('a first page reads the state of the rooms on it, not of all', async (t) => {
  const { server, client } = await withRooms(30)
  await using _ = server
  const { roomsWithStateRead } = await readsOf(server, t, () => client.sync(PAGE))
  assert.equal(roomsWithStateRead, 3)
})

test('what a wake reads goes by what changed, not by the rooms that there are', async (t) => {
  const counts = []
  for (const rooms of [3, 30]) {
    const { server, alice, ids, client } = await withRooms(rooms)
    await using _ = server
    await client.sync(PAGE)
    await client.sync(list({ timeline_limit: 1 }))
    await server.say(alice, ids[0] as RoomId, 'hello')
    const all = list({ timeline_limit: 1, filters: { not_room_types: ['m.space'] } })
    await client.sync(all)
    await server.say(alice, ids[0] as RoomId, 'again')
    counts.push((await readsOf(server, t, () => client.sync(all))).counts)
  }
  assert.deepEqual(counts[1], counts[0])
})
