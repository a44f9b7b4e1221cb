import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { roomPath } from '../rooms/testing/paths.ts'
import { startRoomServer } from '../rooms/testing/room-server.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import type { TestUser } from '../testing/test-api.ts'

async function room() {
  const server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  await server.join(bob, roomId)
  return { server, alice, bob, carol, roomId }
}

const statusPath = (user: TestUser) => `/_matrix/client/v3/presence/${encodeURIComponent(user.userId)}/status`

test('typing: of oneself, in a room one is in', async () => {
  const { server, alice, bob, carol, roomId } = await room()
  await using _ = server
  const put = async (as: TestUser, of: TestUser, body: JsonObject) => {
    const answer = await server.request('PUT', roomPath(roomId, 'typing', of.userId), { as, body })
    expectMatchesSpec('setTyping', answer)
    return answer.status
  }
  assert.equal(await put(alice, bob, { typing: true }), 403)
  assert.equal(await put(carol, carol, { typing: true }), 403)
  assert.equal(await put(alice, alice, {}), 400)
  assert.equal(await put(alice, alice, { typing: true, timeout: 'x' }), 400)
  const since = (await server.sync(bob)).next_batch
  assert.equal(await put(alice, alice, { typing: true, timeout: 1_000_000_000 }), 200)
  const started = await server.sync(bob, { since })
  assert.deepEqual(started.rooms.join[roomId].ephemeral.events, [
    { type: 'm.typing', content: { user_ids: [alice.userId] } },
  ])
  assert.equal(await put(alice, alice, { typing: false }), 200)
  const stopped = await server.sync(bob, { since: started.next_batch })
  assert.deepEqual(stopped.rooms.join[roomId].ephemeral.events, [{ type: 'm.typing', content: { user_ids: [] } }])
})

test('receipts: public ones for all, private ones for oneself, none for outsiders', async () => {
  const { server, alice, bob, carol, roomId } = await room()
  await using _ = server
  const [first, second] = [await server.say(alice, roomId, 'a'), await server.say(alice, roomId, 'b')]
  const post = async (as: TestUser, type: string, eventId: string, body: JsonObject = {}) => {
    const answer = await server.request('POST', roomPath(roomId, 'receipt', type, eventId), { as, body })
    expectMatchesSpec('postReceipt', answer)
    return answer.status
  }
  assert.equal(await post(carol, 'm.read', first), 403)
  assert.equal(await post(bob, 'm.odd', first), 400)
  assert.equal(await post(bob, 'm.read', '$nowhere:here.test'), 404)
  assert.equal(await post(bob, 'm.read', first, { thread_id: '' }), 400)
  assert.equal(await post(bob, 'm.read', first, { thread_id: second }), 400)
  assert.equal(await post(bob, 'm.fully_read', first, { thread_id: 'main' }), 400)
  const since = { alice: (await server.sync(alice)).next_batch, bob: (await server.sync(bob)).next_batch }
  assert.equal(await post(bob, 'm.read', second), 200)
  assert.equal(await post(bob, 'm.read.private', second), 200)
  assert.equal(await post(bob, 'm.read', first, { thread_id: 'main' }), 200)
  // A receipt behind the one that is there changes nothing.
  assert.equal(await post(bob, 'm.read', first), 200)
  const receipts = async (user: TestUser, token: string) => {
    const events = (await server.sync(user, { since: token })).rooms.join[roomId].ephemeral.events
    return events.map((event: { content: object }) => JSON.parse(JSON.stringify(event.content, withoutTs)))
  }
  assert.deepEqual(await receipts(alice, since.alice), [
    { [second]: { 'm.read': { [bob.userId]: {} } } },
    { [first]: { 'm.read': { [bob.userId]: { thread_id: 'main' } } } },
  ])
  const own = await receipts(bob, since.bob)
  assert.deepEqual(own[0][second]['m.read.private'], { [bob.userId]: {} })
})

test('read markers: the fully-read marker is room account data, receipts go with it', async () => {
  const { server, alice, bob, carol, roomId } = await room()
  await using _ = server
  const eventId = await server.say(alice, roomId, 'a')
  const post = async (as: TestUser, body: JsonObject) => {
    const answer = await server.request('POST', roomPath(roomId, 'read_markers'), { as, body })
    expectMatchesSpec('setReadMarker', answer)
    return answer.status
  }
  assert.equal(await post(carol, {}), 403)
  assert.equal(await post(bob, { 'm.read': 'x' }), 400)
  assert.equal(await post(bob, { 'm.fully_read': '$nowhere:here.test' }), 404)
  const { next_batch: since } = await server.sync(bob)
  assert.equal(await post(bob, { 'm.fully_read': eventId, 'm.read': eventId, 'm.read.private': eventId }), 200)
  const { account_data, ephemeral } = (await server.sync(bob, { since })).rooms.join[roomId]
  assert.deepEqual(account_data.events, [{ type: 'm.fully_read', content: { event_id: eventId } }])
  assert.deepEqual(Object.keys(ephemeral.events[0].content[eventId]), ['m.read', 'm.read.private'])
})

test('presence: of those with whom one shares a room, set by oneself or by syncing', async () => {
  const { server, alice, bob, carol } = await room()
  await using _ = server
  const get = async (as: TestUser, of: TestUser) => {
    const answer = await server.request('GET', statusPath(of), { as })
    expectMatchesSpec('getPresence', answer)
    return answer
  }
  assert.equal((await get(alice, bob)).status, 404)
  assert.equal((await get(carol, bob)).status, 403)
  const put = (as: TestUser, of: TestUser, body: JsonObject) => server.request('PUT', statusPath(of), { as, body })
  assert.equal((await put(alice, bob, { presence: 'online' })).status, 403)
  assert.equal((await put(bob, bob, { presence: 'odd' })).status, 400)
  const set = await put(bob, bob, { presence: 'unavailable', status_msg: 'out' })
  expectMatchesSpec('setPresence', set)
  assert.deepEqual(
    [(await get(alice, bob)).body.presence, (await get(alice, bob)).body.status_msg],
    ['unavailable', 'out'],
  )
  const { next_batch: since } = await server.sync(alice, { set_presence: 'offline' })
  await server.sync(bob)
  const [event] = (await server.sync(alice, { since, set_presence: 'offline' })).presence.events
  assert.deepEqual(
    [event.type, event.sender, event.content.presence, event.content.status_msg],
    ['m.presence', bob.userId, 'online', 'out'],
  )
  assert.equal((await get(bob, alice)).status, 404)
})

function withoutTs(key: string, value: unknown): unknown {
  return key === 'ts' ? undefined : value
}
