import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import { AccountDataStore } from '../account-data/account-data-store.ts'
import type { TestUser } from '../testing/test-api.ts'
import { client, roomPath } from './testing/paths.ts'
import { type RoomServer, startRoomServer } from './testing/room-server.ts'

async function bodies(server: RoomServer, as: TestUser, roomId: RoomId): Promise<unknown[]> {
  const { body } = await server.request('GET', roomPath(roomId, 'messages'), { as, query: { dir: 'b' } })
  const messages = body.chunk.filter(({ type }: { type: string }) => type === 'm.room.message')
  return messages.map(({ content }: { content: { body?: string } }) => content.body)
}

test('events of who had their content erased come redacted to those who join later, and as they were to those who saw them', async () => {
  await using server = await startRoomServer()
  const [alice, bob, carol, dave] = await Promise.all(
    ['alice', 'bob', 'carol', 'dave'].map((name) => server.user(name)),
  )
  if (!alice || !bob || !carol || !dave) throw new Error('no users')
  const roomId = await server.createRoom(bob, { preset: 'public_chat' })
  await server.join(alice, roomId)
  const secret = await server.say(alice, roomId, 'a secret')
  await server.say(bob, roomId, 'no secret')
  await server.join(carol, roomId)
  await server.accountData.erase(alice.userId)
  await server.join(dave, roomId)
  for (const who of [bob, carol]) assert.deepEqual(await bodies(server, who, roomId), ['no secret', 'a secret'])
  assert.deepEqual(await bodies(server, dave, roomId), ['no secret', undefined])

  const path = roomPath(roomId, 'event', secret)
  const one = (await server.request('GET', path, { as: dave })).body
  assert.deepEqual([one.content, one.event_id, one.sender], [{}, secret, alice.userId])
  const synced = (await server.sync(dave)).rooms.join[roomId].timeline.events
  assert.ok(!JSON.stringify(synced).includes('a secret'))
  const search = { search_categories: { room_events: { search_term: 'secret' } } }
  const found = async (as: TestUser) =>
    (await server.request('POST', client('/search'), { as, body: search })).body.search_categories.room_events
  assert.deepEqual((await found(dave)).results.length, 1)
  assert.deepEqual((await found(bob)).results.length, 2)

  // It holds over a restart.
  const reopened = new AccountDataStore({ store: server.store, positions: server.roomPositions })
  assert.deepEqual([...(await reopened.erased()).keys()], [alice.userId])
})

test('a stay that ended before the event does not show it', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  await server.join(bob, roomId)
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  await server.say(alice, roomId, 'a secret')
  await server.accountData.erase(alice.userId)
  await server.join(bob, roomId)
  assert.deepEqual(await bodies(server, bob, roomId), [undefined])
})
