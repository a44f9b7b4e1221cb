import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { startRoomServer } from '../rooms/testing/room-server.ts'
import type { TestAnswer } from '../testing/test-api.ts'
import { ALL, bodiesOf, list, SLIDING, SlidingClient, slidingRoom } from './testing/sliding-client.ts'

test('a retry with the same pos gets everything again, whatever was in the answer that got lost', async () => {
  const { server, alice, roomId, client } = await slidingRoom()
  await using _ = server
  const body = {
    ...list({ timeline_limit: 5, required_state: [['m.room.name', '']] }),
    extensions: { account_data: { enabled: true }, e2ee: { enabled: true } },
  }
  await client.sync(body)
  const { pos } = client
  await server.say(alice, roomId, 'one')
  await server.accountData.put(alice.userId, roomId, 'm.tag', { tags: {} })
  server.deviceStreams.counts = { signed_curve25519: 7 }
  const lost = (await client.request(body)).body
  await server.say(alice, roomId, 'two')
  client.pos = pos
  const again = await client.sync(body)
  assert.deepEqual(bodiesOf(again.rooms[roomId].timeline), ['one', 'two'])
  assert.deepEqual(again.extensions.account_data, lost.extensions.account_data)
  assert.equal(again.extensions.e2ee.device_one_time_keys_count.signed_curve25519, 7)
  const next = await client.sync(body)
  assert.deepEqual([next.rooms, next.extensions], [{}, {}])
})

test('a pos that is not of the last two answers is M_UNKNOWN_POS; without pos the connection starts anew', async () => {
  const { server, alice, roomId, client } = await slidingRoom()
  await using _ = server
  const { pos: first } = await client.sync(ALL)
  await client.sync(ALL)
  await client.sync(ALL)
  for (const pos of [first, 'p1_none', 'x', 's1']) {
    const { status, body } = await client.request(ALL, { pos })
    assert.deepEqual([status, body.errcode], [400, 'M_UNKNOWN_POS'], pos)
  }
  const other = new SlidingClient(server, alice, 'other')
  other.pos = client.pos
  assert.equal((await other.request(ALL)).body.errcode, 'M_UNKNOWN_POS')
  client.pos = undefined
  assert.equal((await client.sync(ALL)).rooms[roomId].initial, true)
})

test('connections of one device do not see each other; the longest unused of too many is dropped', async () => {
  const { server, alice, roomId } = await slidingRoom()
  await using _ = server
  const clients = Array.from({ length: 17 }, (_, index) => new SlidingClient(server, alice, `c${index}`))
  for (const client of clients) assert.equal((await client.sync(ALL)).rooms[roomId].initial, true)
  const [dropped, kept] = clients as [SlidingClient, SlidingClient]
  assert.equal((await dropped.request(ALL)).body.errcode, 'M_UNKNOWN_POS')
  assert.deepEqual((await kept.sync(ALL)).rooms, {})
})

test('a long-poll ends with the write that concerns it, and with a newer request of its connection', async () => {
  const { server, alice, roomId, client } = await slidingRoom()
  await using _ = server
  const elsewhere = await server.createRoom(await server.user('carol'))
  await client.sync(ALL)
  const waiting = client.request(ALL, { timeout: '60000' })
  await untilWaiting(server.roomPositions, waiting)
  await server.say(await server.user('carol'), elsewhere, 'not for alice')
  assert.equal(server.roomPositions.waiting, 1)
  await server.say(alice, roomId, 'hello')
  assert.deepEqual(bodiesOf((await waiting).body.rooms[roomId].timeline), ['hello'])

  const given = client.request(ALL, { timeout: '60000' })
  client.pos = (await given).body.pos
  const abandoned = client.request(ALL, { timeout: '60000' })
  await untilWaiting(server.roomPositions, abandoned)
  assert.equal((await client.request(ALL)).status, 200)
  assert.equal((await abandoned).body.errcode, 'M_UNKNOWN_POS')
  assert.equal(server.roomPositions.waiting, 0)
})

test('a long-poll without news ends after its timeout with an empty answer', async () => {
  const { server, client } = await slidingRoom()
  await using _ = server
  await client.sync(ALL)
  const { rooms, extensions } = await client.sync(ALL, { timeout: '10' })
  assert.deepEqual([rooms, extensions], [{}, {}])
})

test('bad requests are 400', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  for (const body of [
    { lists: [] },
    { lists: { a: { ranges: [[-1, 2]] } } },
    { lists: { a: { ranges: [[1]] } } },
    { lists: { a: { timeline_limit: -1 } } },
    { lists: { a: { required_state: ['m.room.name'] } } },
    { lists: { a: { filters: { is_dm: 'yes' } } } },
    { lists: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`l${index}`, {}])) },
    { room_subscriptions: { '!a:b': { timeline_limit: 1.5 } } },
    { extensions: { to_device: { enabled: true, limit: 0 } } },
    { extensions: { to_device: { enabled: true, since: 'x' } } },
    { extensions: { to_device: { enabled: true, since: 'd99999999' } } },
  ]) {
    assert.equal((await server.request('POST', SLIDING, { as: alice, body })).status, 400, JSON.stringify(body))
  }
  for (const query of [{ timeout: 'x' }, { set_presence: 'x' }] as const) {
    const answer = await server.request('POST', SLIDING, { as: alice, body: {}, query: query as never })
    assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_PARAM'])
  }
  assert.equal((await server.request('POST', SLIDING, { body: {} })).status, 401)
})

test('bad input 21: abandoned long-polls are freed, and none holds a large body', async () => {
  const { server, alice } = await slidingRoom()
  await using _ = server
  const until = async (count: number) => {
    while (server.roomPositions.waiting !== count) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const clients = Array.from({ length: 5 }, (_, index) => new SlidingClient(server, alice, `c${index}`))
  for (const client of clients) await client.sync(ALL)
  const abandoned = new AbortController()
  const polls = clients.map((client) =>
    client
      .request(ALL, { timeout: '60000' }, abandoned.signal)
      .catch((error: Error) => assert.equal(error.name, 'AbortError')),
  )
  // The twin: left alone, they are all there.
  await until(clients.length)
  abandoned.abort()
  await Promise.all(polls)
  await until(0)
  const rooms = Array.from({ length: 1_000 }, (_, n) => [`!${String(n).padStart(43, 'x')}`, { timeline_limit: 1 }])
  const many = Object.fromEntries(rooms) as JsonObject
  const statusOf = async (body: JsonObject) =>
    (await server.request('POST', SLIDING, { as: alice, body: { room_subscriptions: many, ...body } })).status
  assert.equal(await statusOf({}), 200)
  assert.equal(await statusOf({ unknown: 'x'.repeat(600_000) }), 413)
})

/** Until the request hangs on the stream; fails where it is answered instead. */
async function untilWaiting(positions: { readonly waiting: number }, request: Promise<TestAnswer>): Promise<void> {
  let answer: TestAnswer | undefined
  void request.then((given) => {
    answer = given
  })
  while (positions.waiting === 0) {
    assert.equal(answer, undefined, 'answered instead of waiting')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
