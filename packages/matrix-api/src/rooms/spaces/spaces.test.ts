import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { client } from '../testing/paths.ts'
import { type RoomServer, startRoomServer } from '../testing/room-server.ts'
import { inSpaceOrder, parseChildren } from './space-children.ts'

const roomPath = (roomId: string, rest: string) => client(`/rooms/${encodeURIComponent(roomId)}/${rest}`)

const SPACE = { creation_content: { type: 'm.space' } }

async function addChild(server: RoomServer, as: TestUser, space: string, child: string, content: JsonObject = {}) {
  const path = roomPath(space, `state/m.space.child/${encodeURIComponent(child)}`)
  const answer = await server.request('PUT', path, { as, body: { via: ['here.test'], ...content } })
  assert.equal(answer.status, 200)
}

async function hierarchy(server: RoomServer, as: TestUser, space: string, query: Record<string, string> = {}) {
  const answer = await server.request('GET', client(`/rooms/${encodeURIComponent(space)}/hierarchy`, 'v1'), {
    as,
    query,
  })
  expectMatchesSpec('getSpaceHierarchy', answer)
  return answer
}

const ids = (answer: { readonly body: { readonly rooms: readonly { readonly room_id: string }[] } }) =>
  answer.body.rooms.map(({ room_id }) => room_id)

test('a space is walked depth first, in the order of its children, each room once', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const top = await server.createRoom(alice, { ...SPACE, name: 'Top' })
  const inner = await server.createRoom(alice, { ...SPACE, name: 'Inner' })
  const [first, second, third] = [
    await server.createRoom(alice),
    await server.createRoom(alice),
    await server.createRoom(alice),
  ]
  await addChild(server, alice, top, third)
  await addChild(server, alice, top, inner, { order: 'b' })
  await addChild(server, alice, top, first, { order: 'a', suggested: true })
  await addChild(server, alice, inner, second)
  await addChild(server, alice, inner, top)
  const whole = await hierarchy(server, alice, top)
  assert.deepEqual(ids(whole), [top, first, inner, second, third])
  assert.deepEqual(
    whole.body.rooms[0].children_state.map((child: { state_key: string }) => child.state_key),
    [first, inner, third],
  )
  assert.equal(whole.body.rooms[0].room_type, 'm.space')
  assert.equal(whole.body.next_batch, undefined)
  assert.deepEqual(ids(await hierarchy(server, alice, top, { max_depth: '1' })), [top, first, inner, third])
  assert.deepEqual(ids(await hierarchy(server, alice, top, { suggested_only: 'true' })), [top, first])
})

test('pages of a hierarchy: a token goes on, may be used again, and only with the same question', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const top = await server.createRoom(alice, { ...SPACE, preset: 'public_chat' })
  const rooms: string[] = []
  for (let count = 0; count < 4; count++) {
    const roomId = await server.createRoom(alice)
    rooms.push(roomId)
    await addChild(server, alice, top, roomId, { order: String(count) })
  }
  const one = await hierarchy(server, alice, top, { limit: '2' })
  assert.deepEqual(ids(one), [top, rooms[0]])
  const from = one.body.next_batch
  for (const _ of [1, 2]) {
    const two = await hierarchy(server, alice, top, { limit: '2', from })
    assert.deepEqual(ids(two), [rooms[1], rooms[2]])
    const three = await hierarchy(server, alice, top, { limit: '2', from: two.body.next_batch })
    assert.deepEqual([ids(three), three.body.next_batch], [[rooms[3]], undefined])
  }
  for (const [as, query] of [
    [alice, { from: 'made-up' }],
    [alice, { from, max_depth: '1' }],
    [alice, { from, suggested_only: 'true' }],
    [bob, { from }],
  ] as const) {
    const refused = await hierarchy(server, as, top, query)
    assert.deepEqual([refused.status, refused.body.errcode], [400, 'M_INVALID_PARAM'])
  }
})

test('rooms that one may neither enter nor read are not in a hierarchy, nor what is below them', async () => {
  await using server = await startRoomServer()
  const [alice, bob, mallory] = [await server.user('alice'), await server.user('bob'), await server.user('mallory')]
  const top = await server.createRoom(alice, { ...SPACE, preset: 'public_chat' })
  const secret = await server.createRoom(alice, { ...SPACE, name: 'Secret' })
  const open = await server.createRoom(alice, { preset: 'public_chat' })
  const below = await server.createRoom(alice, { preset: 'public_chat' })
  const forMembers = await server.createRoom(alice, {
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: top }] },
      },
    ],
  })
  for (const child of [secret, open, forMembers]) await addChild(server, alice, top, child, { order: 'x' })
  await addChild(server, alice, secret, below)
  assert.deepEqual(ids(await hierarchy(server, bob, top)).sort(), [top, open].sort())
  await server.join(bob, top)
  assert.deepEqual(ids(await hierarchy(server, bob, top)).sort(), [top, open, forMembers].sort())
  assert.equal((await hierarchy(server, bob, secret)).status, 403)
  assert.equal((await hierarchy(server, bob, '!nowhere:here.test')).status, 403)
  const ban = await server.request('POST', roomPath(top, 'ban'), { as: alice, body: { user_id: mallory.userId } })
  assert.equal(ban.status, 200)
  assert.equal((await hierarchy(server, mallory, top)).status, 403)
})

test('children on other servers are asked for through `via`, their answers checked and kept for a while', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const top = await server.createRoom(alice, { ...SPACE })
  const far = {
    room_id: '!far:away.test',
    join_rule: 'public',
    num_joined_members: 3,
    world_readable: false,
    guest_can_join: false,
  }
  const child = (stateKey: string, content: JsonObject) => ({
    ...{ type: 'm.space.child', state_key: stateKey, sender: '@a:away.test', origin_server_ts: 5, content },
  })
  server.remote.hierarchies.set('away.test !far:away.test', {
    room: {
      ...far,
      name: 'Far',
      topic: 7,
      evil: '<script>',
      children_state: [child('!deep:away.test', { via: ['away.test'] }), child('!gone:away.test', {}), 'nonsense'],
    },
  })
  server.remote.hierarchies.set('away.test !deep:away.test', { room: { ...far, room_id: '!other:away.test' } })
  server.remote.hierarchies.set('away.test !private:away.test', {
    room: { ...far, room_id: '!private:away.test', join_rule: 'invite' },
  })
  for (const roomId of ['!far:away.test', '!private:away.test', '!silent:away.test']) {
    await addChild(server, alice, top, roomId, { via: ['away.test'] })
  }
  const answer = await hierarchy(server, alice, top)
  assert.deepEqual(ids(answer), [top, '!far:away.test'])
  assert.deepEqual(answer.body.rooms[1], {
    ...far,
    name: 'Far',
    children_state: [child('!deep:away.test', { via: ['away.test'] })],
  })
  const asked = server.remote.hierarchiesAsked.length
  await hierarchy(server, alice, top)
  assert.equal(server.remote.hierarchiesAsked.length, asked, 'answers and silence are remembered')
  const summary = (as?: TestUser) =>
    server.request('GET', client(`/room_summary/${encodeURIComponent('!far:away.test')}`, 'v1'), as ? { as } : {})
  const known = await summary(alice)
  expectMatchesSpec('getRoomSummary', known)
  assert.deepEqual([known.body.name, known.body.membership], ['Far', 'leave'])
})

test('a room that nobody here is in any more is described by others, and as it was where they are silent', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat', name: 'As it was' })
  const summary = async () => {
    const path = `/_matrix/client/v1/room_summary/${encodeURIComponent(roomId)}`
    return (await server.request('GET', path, { as: bob, query: { via: 'there.test' } })).body.name
  }
  server.remote.hierarchies.set(`there.test ${roomId}`, {
    room: {
      room_id: roomId,
      name: 'As it is',
      join_rule: 'public',
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      children_state: [],
    },
    children: [],
    inaccessible_children: [],
  })
  assert.equal(await summary(), 'As it was', 'who is in it knows it')
  await server.request('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/leave`, { as: alice, body: {} })
  assert.equal(await summary(), 'As it is')
  server.remote.hierarchies.clear()
  server.clock.advance(10 * 60_000)
  assert.equal(await summary(), 'As it was')
})

test('other servers are not asked for whoever shows no token', async () => {
  await using server = await startRoomServer()
  const path = client(`/room_summary/${encodeURIComponent('!far:away.test')}`, 'v1')
  assert.equal((await server.request('GET', path, { query: { via: 'away.test' } })).status, 404)
  assert.deepEqual(server.remote.hierarchiesAsked, [])
})

test('children without a valid order come last, by age, then by room id', () => {
  const child = (room: string, content: JsonObject, at: number) => ({
    ...{ type: 'm.space.child', state_key: `!${room}:a`, sender: '@a:a', origin_server_ts: at },
    content: { via: ['a'], ...content },
  })
  const children = parseChildren([
    child('f', { order: 'é' }, 3),
    child('e', { order: 'x'.repeat(51) }, 2),
    child('d', {}, 2),
    child('c', { order: 'b' }, 9),
    child('b', { order: 'a' }, 8),
    child('a', { order: ' ' }, 7),
    { ...child('g', {}, 1), content: { via: [] } },
  ])
  assert.deepEqual(
    inSpaceOrder(children).map(({ roomId }) => roomId),
    ['!a:a', '!b:a', '!c:a', '!d:a', '!e:a', '!f:a'],
  )
})
