import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomPath } from '../../rooms/testing/paths.ts'
import { ALL, list, SlidingClient, slidingRoom } from '../testing/sliding-client.ts'

test('to_device: a token of its own, pages, deletion once the token comes back', async () => {
  const { server, alice, client } = await slidingRoom()
  await using _ = server
  const deliver = (n: number) =>
    server.deviceStreams.deliver(alice, { type: 'm.x', sender: alice.userId, content: { n } })
  const ask = (since?: string, limit = 2) => ({
    extensions: { to_device: { enabled: true, limit, ...(since !== undefined && { since }) } },
  })
  for (let n = 0; n < 3; n++) deliver(n)
  const numbers = (body: { extensions: { to_device: { events: { content: { n: number } }[] } } }) =>
    body.extensions.to_device.events.map(({ content }) => content.n)
  const first = await client.sync(ask())
  assert.deepEqual(numbers(first), [0, 1])
  // The rest at once, also where the client would wait; and again as long as the token has not moved.
  const token = first.extensions.to_device.next_batch
  assert.deepEqual(numbers(await client.sync(ask(token), { timeout: '30000' })), [2])
  assert.deepEqual(numbers(await new SlidingClient(server, alice, 'other').sync(ask(token))), [2])
  assert.equal(server.deviceStreams.inbox.length, 1)
  const last = (await client.sync(ask(token))).extensions.to_device.next_batch
  const waiting = client.sync(ask(last), { timeout: '30000' })
  while (server.roomPositions.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.equal(server.deviceStreams.inbox.length, 0)
  deliver(3)
  assert.deepEqual(numbers(await waiting), [3])
})

test('e2ee: counts at first and when they change; device lists after the first answer', async () => {
  const { server, alice, bob, client } = await slidingRoom()
  await using _ = server
  const body = { extensions: { e2ee: { enabled: true } } }
  server.deviceStreams.changeDevices(bob.userId, alice.userId)
  const first = (await client.sync(body)).extensions.e2ee
  assert.deepEqual(first, {
    device_one_time_keys_count: { signed_curve25519: 0 },
    device_unused_fallback_key_types: [],
  })
  assert.deepEqual((await client.sync(body)).extensions, {})
  server.deviceStreams.counts = { signed_curve25519: 5 }
  server.deviceStreams.fallback = ['signed_curve25519']
  const changed = (await client.sync(body, { timeout: '30000' })).extensions.e2ee
  assert.deepEqual([changed.device_one_time_keys_count.signed_curve25519, changed.device_lists], [5, undefined])
  server.deviceStreams.changeDevices(bob.userId, alice.userId)
  assert.deepEqual((await client.sync(body)).extensions.e2ee.device_lists, { changed: [bob.userId], left: [] })
  await client.sync({})
  assert.equal((await client.sync(body)).extensions.e2ee.device_one_time_keys_count.signed_curve25519, 5)
})

test('account_data: global and of rooms in scope; what a room missed while out of scope comes with it', async () => {
  const { server, alice, roomId, client } = await slidingRoom()
  await using _ = server
  const put = (room: typeof roomId | undefined, type: string, a: number) =>
    server.accountData.put(alice.userId, room, type, { a })
  const ask = (scope = {}) => ({ ...ALL, extensions: { account_data: { enabled: true, ...scope } } })
  await put(undefined, 'org.g', 1)
  await put(roomId, 'org.r', 1)
  await put(roomId, 'org.s', 1)
  await client.sync(ALL)
  const first = (await client.sync(ask())).extensions.account_data
  assert.deepEqual(first.global, [{ type: 'org.g', content: { a: 1 } }])
  assert.equal(first.rooms[roomId].length, 2)
  assert.deepEqual((await client.sync(ask())).extensions, {})
  await client.sync(ask({ lists: [] }))
  await put(roomId, 'org.r', 2)
  await put(undefined, 'org.g', 2)
  const global = (await client.sync(ask({ lists: [], rooms: [] }))).extensions.account_data
  assert.deepEqual(global, { global: [{ type: 'org.g', content: { a: 2 } }], rooms: {} })
  const back = (await client.sync(ask({ lists: ['*'] }), { timeout: '30000' })).extensions.account_data
  assert.deepEqual(back, { global: [], rooms: { [roomId]: [{ type: 'org.r', content: { a: 2 } }] } })
})

test('typing: of rooms in scope that the user is in; ends a long-poll', async () => {
  const { server, bob, roomId, client } = await slidingRoom()
  await using _ = server
  await server.join(bob, roomId)
  const body = { ...ALL, extensions: { typing: { enabled: true } } }
  const unscoped = { ...ALL, extensions: { typing: { enabled: true, lists: ['other'] } } }
  assert.deepEqual((await client.sync(body)).extensions, {})
  await server.ephemeral.setTyping(roomId, bob.userId, 30_000)
  const event = { type: 'm.typing', content: { user_ids: [bob.userId] } }
  assert.deepEqual((await client.sync(body, { timeout: '30000' })).extensions.typing, { rooms: { [roomId]: event } })
  assert.deepEqual((await client.sync(body)).extensions, {})
  await server.ephemeral.setTyping(roomId, bob.userId, undefined)
  assert.deepEqual((await client.sync(unscoped)).extensions, {})
  assert.deepEqual((await client.sync(body)).extensions.typing.rooms[roomId].content, { user_ids: [] })
  await server.ephemeral.setTyping(roomId, bob.userId, 30_000)
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  assert.deepEqual((await new SlidingClient(server, bob).sync(body)).extensions, {})
})

test('receipts: own and those on shown events at first, then what changes; private ones only to their user', async () => {
  const { server, alice, bob, roomId, client } = await slidingRoom()
  await using _ = server
  const carol = await server.user('carol')
  for (const user of [bob, carol]) await server.join(user, roomId)
  const read = (userId: typeof bob.userId, eventId: string, type: 'm.read' | 'm.read.private' = 'm.read') =>
    server.ephemeral.setReceipt(roomId, { type, userId, eventId: eventId as never, threadId: undefined })
  const old = await server.say(bob, roomId, 'old')
  await read(alice.userId, old)
  await read(carol.userId, old)
  const shown = await server.say(bob, roomId, 'shown')
  await read(bob.userId, shown)
  await read(carol.userId, shown, 'm.read.private')
  const body = { ...ALL, extensions: { receipts: { enabled: true } } }
  const first = (await client.sync(body)).extensions.receipts.rooms[roomId]
  assert.equal(first.type, 'm.receipt')
  assert.deepEqual(Object.keys(first.content).sort(), [old, shown].sort())
  assert.deepEqual(Object.keys(first.content[old]['m.read']), [alice.userId])
  assert.deepEqual(Object.keys(first.content[shown]), ['m.read'])
  assert.deepEqual((await client.sync(body)).extensions, {})
  await read(bob.userId, old)
  const next = (await client.sync(body, { timeout: '30000' })).extensions.receipts.rooms[roomId].content
  assert.deepEqual(Object.keys(next[old]['m.read']), [bob.userId])
  // More of the timeline brings the receipts on it.
  const expanded = (await client.sync({ ...body, ...list({ timeline_limit: 3 }) })).extensions.receipts.rooms[roomId]
  assert.deepEqual(Object.keys(expanded.content[old]['m.read']), [alice.userId, carol.userId, bob.userId])
})

test('the own receipt of another device makes the room unread no longer', async () => {
  const { server, alice, bob, roomId, client } = await slidingRoom()
  await using _ = server
  await server.join(bob, roomId)
  const eventId = await server.say(bob, roomId, 'hello')
  assert.equal((await client.sync(ALL)).rooms[roomId].notification_count, 1)
  const receipt = { type: 'm.read', userId: alice.userId, eventId: eventId as never, threadId: undefined } as const
  await server.ephemeral.setReceipt(roomId, receipt)
  assert.deepEqual((await client.sync(ALL, { timeout: '30000' })).rooms[roomId], { notification_count: 0 })
})

test('extensions that are unknown or not enabled are left out', async () => {
  const { server, client } = await slidingRoom()
  await using _ = server
  const extensions = { e2ee: { enabled: false }, typing: {}, 'org.example': { enabled: true }, receipts: null }
  assert.deepEqual((await client.sync({ extensions })).extensions, {})
})
