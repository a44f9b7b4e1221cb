import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { MemoryStore } from '../../testing/memory-store.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { client, roomPath } from '../testing/paths.ts'
import { type RoomServer, startRoomServer } from '../testing/room-server.ts'

async function room() {
  const server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  await server.join(bob, roomId)
  return { server, alice, bob, carol, roomId }
}

function send(server: RoomServer, as: TestUser, roomId: RoomId, type: string, txnId: string, body: JsonObject) {
  return server.request('PUT', roomPath(roomId, 'send', type, txnId), { as, body })
}

function relating(relType: string, eventId: string, more: JsonObject = {}): JsonObject {
  return { body: 'x', 'm.relates_to': { rel_type: relType, event_id: eventId, ...more } }
}

test('bad input 14: the same transaction again answers the same event id', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const first = await send(server, alice, roomId, 'm.room.message', 'one', { body: 'hello' })
  expectMatchesSpec('sendMessage', first)
  const again = await send(server, alice, roomId, 'm.room.message', 'one', { body: 'hello' })
  assert.deepEqual(again.body, first.body)
  // The twin: another path, room, device or user is another event.
  const otherDevice = await server.user('alice', 'OTHER')
  const otherRoom = await server.createRoom(alice)
  const others = [
    await send(server, alice, roomId, 'm.sticker', 'one', { body: 'hello' }),
    await send(server, otherDevice, roomId, 'm.room.message', 'one', { body: 'hello' }),
    await send(server, bob, roomId, 'm.room.message', 'one', { body: 'hello' }),
    await send(server, alice, otherRoom, 'm.room.message', 'one', { body: 'hello' }),
  ]
  assert.equal(new Set([first, ...others].map((answer) => answer.body.event_id)).size, 5)
})

test('bad input 14: the same transaction answers the same event id after a restart', async () => {
  const store = new MemoryStore()
  await using first = await startRoomServer({ store })
  const alice = await first.user('alice')
  const roomId = await first.createRoom(alice)
  const before = await send(first, alice, roomId, 'm.room.message', 'one', { body: 'hello' })
  // The first is not stopped: what it has acknowledged is in the store.
  await using second = await startRoomServer({ store })
  const again = await second.user('alice')
  const after = await send(second, again, roomId, 'm.room.message', 'one', { body: 'hello' })
  assert.deepEqual(after.body, before.body)
  const { events } = (await second.sync(again)).rooms.join[roomId].timeline
  assert.equal(events.filter((event: { type: string }) => event.type === 'm.room.message').length, 1)
})

test('unsigned.transaction_id goes to the device that sent, and to no other', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const { body } = await send(server, alice, roomId, 'm.room.message', 'a/b%c', { body: 'hello' })
  const read = async (as: TestUser) =>
    (await server.request('GET', roomPath(roomId, 'event', body.event_id), { as })).body.unsigned.transaction_id
  assert.equal(await read(alice), 'a/b%c')
  assert.equal(await read(await server.user('alice', 'OTHER')), undefined)
  assert.equal(await read(bob), undefined)
})

test('bad input 15: an event too large is 413', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const answer = await send(server, alice, roomId, 'm.room.message', 'big', { body: 'x'.repeat(70_000) })
  assert.deepEqual([answer.status, answer.body.errcode], [413, 'M_TOO_LARGE'])
  assert.equal((await send(server, alice, roomId, 'm.room.message', 'ok', { body: 'x'.repeat(50_000) })).status, 200)
})

test('bad input 3: floats in an event are refused', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const path = roomPath(roomId, 'send', 'm.room.message', 'float')
  const answer = await server.request('PUT', path, { as: alice, body: '{"n":1.5}' })
  assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_BAD_JSON'])
})

test('only members send', async () => {
  const { server, carol, roomId } = await room()
  await using _ = server
  const answer = await send(server, carol, roomId, 'm.room.message', 'x', { body: 'hello' })
  assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'])
})

test('the same annotation twice is refused; the same request twice is not', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const target = await server.say(alice, roomId, 'hello')
  const annotation = relating('m.annotation', target, { key: '👍' })
  const first = await send(server, bob, roomId, 'm.reaction', 'r1', annotation)
  const retried = await send(server, bob, roomId, 'm.reaction', 'r1', annotation)
  assert.deepEqual(retried.body, first.body)
  const second = await send(server, bob, roomId, 'm.reaction', 'r2', annotation)
  assert.deepEqual([second.status, second.body.errcode], [400, 'M_DUPLICATE_ANNOTATION'])
  assert.equal((await send(server, alice, roomId, 'm.reaction', 'r3', annotation)).status, 200)
  assert.equal(
    (await send(server, bob, roomId, 'm.reaction', 'r4', relating('m.annotation', target, { key: '👎' }))).status,
    200,
  )
  await server.request('PUT', roomPath(roomId, 'redact', first.body.event_id, 'd'), { as: bob, body: {} })
  assert.equal((await send(server, bob, roomId, 'm.reaction', 'r5', annotation)).status, 200)
})

test('a thread does not start from an event that relates to another', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const root = await server.say(alice, roomId, 'root')
  const inThread = await send(server, alice, roomId, 'm.room.message', '1', relating('m.thread', root))
  assert.equal(inThread.status, 200)
  const nested = await send(server, alice, roomId, 'm.room.message', '2', relating('m.thread', inThread.body.event_id))
  assert.deepEqual([nested.status, nested.body.errcode], [400, 'M_UNKNOWN'])
})

test('redaction: own events by anybody, others by moderators, by either endpoint', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const [mine, hers] = [await server.say(bob, roomId, 'mine'), await server.say(alice, roomId, 'hers')]
  const redact = (as: TestUser, eventId: string, txnId: string) =>
    server.request('PUT', roomPath(roomId, 'redact', eventId, txnId), { as, body: { reason: 'oops' } })
  const refused = await redact(bob, hers, 'a')
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN'])
  const bySend = await send(server, bob, roomId, 'm.room.redaction', 'b', { redacts: hers })
  assert.equal(bySend.status, 403)
  assert.equal((await send(server, bob, roomId, 'm.room.redaction', 'c', {})).status, 400)
  const done = await redact(bob, mine, 'd')
  expectMatchesSpec('redactEvent', done)
  assert.deepEqual((await redact(bob, mine, 'd')).body, done.body)
  const event = (await server.request('GET', roomPath(roomId, 'event', mine), { as: alice })).body
  assert.deepEqual(event.content, {})
  assert.equal(event.unsigned.redacted_because.event_id, done.body.event_id)
  assert.equal(event.unsigned.redacted_because.content.reason, 'oops')
  const redaction = (await server.request('GET', roomPath(roomId, 'event', done.body.event_id), { as: alice })).body
  assert.deepEqual([redaction.redacts, redaction.content.redacts], [mine, mine])
  assert.equal((await send(server, alice, roomId, 'm.room.redaction', 'e', { redacts: hers })).status, 200)
  assert.equal((await redact(alice, '$nowhere:here.test', 'f')).status, 404)
})

test('state: set with and without a state key, and read back by each form of the path', async () => {
  const { server, alice, bob, roomId } = await room()
  await using _ = server
  const put = await server.request('PUT', `${roomPath(roomId, 'state', 'm.room.name')}/`, {
    as: alice,
    body: { name: 'A' },
  })
  expectMatchesSpec('setRoomStateWithKey', put)
  for (const path of [roomPath(roomId, 'state', 'm.room.name'), `${roomPath(roomId, 'state', 'm.room.name')}/`]) {
    const got = await server.request('GET', path, { as: bob })
    expectMatchesSpec('getRoomStateWithKey', got)
    assert.deepEqual(got.body, { name: 'A' })
  }
  const keyed = roomPath(roomId, 'state', 'org.example.note', 'k/é')
  assert.equal((await server.request('PUT', keyed, { as: alice, body: { n: 1 } })).status, 200)
  const event = await server.request('GET', keyed, { as: bob, query: { format: 'event' } })
  assert.deepEqual([event.body.state_key, event.body.content, event.body.sender], ['k/é', { n: 1 }, alice.userId])
  assert.equal((await server.request('PUT', keyed, { as: bob, body: { n: 2 } })).status, 403)
  assert.equal((await server.request('GET', roomPath(roomId, 'state', 'org.example.none'), { as: bob })).status, 404)
})

test('memberships set as state take the way of the membership operations', async () => {
  const { server, alice, bob, carol, roomId } = await room()
  await using _ = server
  const put = (as: TestUser, target: string, body: JsonObject) =>
    server.request('PUT', roomPath(roomId, 'state', 'm.room.member', target), { as, body })
  assert.equal((await put(alice, carol.userId, { membership: 'invite', 'org.example.k': 1 })).status, 200)
  const invited = await server.rooms.reader.stateEvent(roomId, 'm.room.member', carol.userId)
  assert.deepEqual(invited?.pdu.content, { membership: 'invite', 'org.example.k': 1 })
  assert.equal((await put(alice, carol.userId, { membership: 'odd' })).status, 400)
  assert.equal((await put(alice, 'nobody', { membership: 'invite' })).status, 400)
  assert.equal((await put(carol, bob.userId, { membership: 'ban' })).status, 403)
  // A name for this room alone changes no membership, and is an event all the same.
  const forged = { join_authorised_via_users_server: alice.userId }
  assert.equal((await put(bob, bob.userId, { membership: 'join', displayname: 'Bobby', ...forged })).status, 200)
  const renamed = await server.rooms.reader.stateEvent(roomId, 'm.room.member', bob.userId)
  assert.deepEqual(renamed?.pdu.content, { membership: 'join', displayname: 'Bobby' })
  assert.equal((await put(bob, bob.userId, { membership: 'leave' })).status, 200)
  assert.equal((await server.rooms.reader.membership(roomId, bob.userId))?.membership, 'leave')
})

test('canonical aliases have to lead to the room', async () => {
  const { server, alice, roomId } = await room()
  await using _ = server
  const put = async (body: JsonObject) => {
    const answer = await server.request('PUT', roomPath(roomId, 'state', 'm.room.canonical_alias'), { as: alice, body })
    return [answer.status, answer.body.errcode]
  }
  assert.deepEqual(await put({ alias: '#tea:here.test' }), [400, 'M_BAD_ALIAS'])
  assert.deepEqual(await put({ alt_aliases: ['nonsense'] }), [400, 'M_INVALID_PARAM'])
  assert.deepEqual(await put({ alt_aliases: 'nonsense' }), [400, 'M_BAD_JSON'])
  const path = client(`/directory/room/${encodeURIComponent('#tea:here.test')}`)
  await server.request('PUT', path, { as: alice, body: { room_id: roomId } })
  assert.deepEqual(await put({ alias: '#tea:here.test' }), [200, undefined])
  await server.request('DELETE', path, { as: alice })
  // What is listed already is not asked for again.
  assert.deepEqual(await put({ alias: '#tea:here.test', note: 1 }), [200, undefined])
})
