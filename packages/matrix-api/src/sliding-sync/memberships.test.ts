import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roomPath } from '../rooms/testing/paths.ts'
import { ALL, bodiesOf, list, SlidingClient, slidingRoom, slotsOf } from './testing/sliding-client.ts'

const MEMBERS = list({
  required_state: [
    ['m.room.member', '$ME'],
    ['m.room.name', ''],
  ],
})

test('an invite: stripped state and nothing else; then the room, from the start', async () => {
  const { server, alice, bob, roomId } = await slidingRoom({ preset: 'private_chat', name: 'Tea' })
  await using _ = server
  await server.say(alice, roomId, 'before')
  const client = new SlidingClient(server, bob)
  await client.sync(MEMBERS)
  await server.request('POST', roomPath(roomId, 'invite'), { as: alice, body: { user_id: bob.userId } })
  const invited = (await client.sync(MEMBERS)).rooms[roomId]
  assert.deepEqual(Object.keys(invited).sort(), [
    'bump_stamp',
    'initial',
    'invite_state',
    'lists',
    'membership',
    'stripped_state',
  ])
  assert.equal(invited.membership, 'invite')
  assert.ok(slotsOf(invited.invite_state).includes('m.room.name|'))
  assert.ok(slotsOf(invited.invite_state).includes(`m.room.member|${bob.userId}`))
  await server.say(alice, roomId, 'not for bob yet')
  assert.deepEqual((await client.sync(MEMBERS)).rooms, {})
  await server.join(bob, roomId)
  const joined = (await client.sync(MEMBERS)).rooms[roomId]
  assert.deepEqual([joined.initial, joined.membership, joined.name, joined.joined_count], [true, 'join', 'Tea', 2])
  assert.ok(joined.num_live > 0)
})

test('an invite refused ends it on this connection; a new one does not hear of it', async () => {
  const { server, alice, bob, roomId } = await slidingRoom({ preset: 'private_chat' })
  await using _ = server
  const client = new SlidingClient(server, bob)
  await server.request('POST', roomPath(roomId, 'invite'), { as: alice, body: { user_id: bob.userId } })
  await client.sync(ALL)
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  const refused = (await client.sync(ALL)).rooms[roomId]
  assert.deepEqual([refused.membership, refused.invite_state.length], ['leave', 1])
  assert.equal(refused.invite_state[0].content.membership, 'leave')
  assert.deepEqual((await new SlidingClient(server, bob, 'new').sync(ALL)).lists.all.count, 0)
})

test('a knock is shown by stripped state', async () => {
  const { server, alice, bob, roomId } = await slidingRoom({ preset: 'private_chat', room_version: '11' })
  await using _ = server
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.join_rules'), {
    as: alice,
    body: { join_rule: 'knock' },
  })
  await server.request('POST', `/_matrix/client/v3/knock/${encodeURIComponent(roomId)}`, { as: bob, body: {} })
  const knocked = (await new SlidingClient(server, bob).sync(ALL)).rooms[roomId]
  assert.deepEqual([knocked.membership, knocked.timeline], ['knock', undefined])
  assert.ok(slotsOf(knocked.stripped_state).includes(`m.room.member|${bob.userId}`))
})

test('leaving: told to a connection that has the room, up to the leaving; a new one is not shown it', async () => {
  const { server, alice, bob, roomId } = await slidingRoom()
  await using _ = server
  await server.join(bob, roomId)
  const client = new SlidingClient(server, bob)
  await client.sync(MEMBERS)
  await server.say(alice, roomId, 'missed')
  await server.request('POST', roomPath(roomId, 'leave'), { as: bob, body: {} })
  await server.say(alice, roomId, 'not for bob')
  const left = (await client.sync(MEMBERS)).rooms[roomId]
  assert.deepEqual([left.membership, bodiesOf(left.timeline), left.initial], ['leave', ['missed'], undefined])
  assert.equal(left.required_state[0].content.membership, 'leave')
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body: { name: 'not for bob' } })
  assert.deepEqual((await client.sync(MEMBERS)).rooms, {})
  const fresh = await new SlidingClient(server, bob, 'new').sync(MEMBERS)
  assert.deepEqual([fresh.rooms, fresh.lists.list.count], [{}, 0])
  await server.join(bob, roomId)
  assert.deepEqual((await client.sync(MEMBERS)).rooms[roomId].initial, true)
})

test('being kicked or banned is shown to every connection, with the room as it was then', async () => {
  const { server, alice, bob, roomId } = await slidingRoom()
  await using _ = server
  await server.join(bob, roomId)
  await server.say(alice, roomId, 'seen')
  await server.request('POST', roomPath(roomId, 'ban'), { as: alice, body: { user_id: bob.userId } })
  await server.say(alice, roomId, 'not for bob')
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), { as: alice, body: { name: 'not for bob' } })
  const banned = (await new SlidingClient(server, bob).sync(MEMBERS)).rooms[roomId]
  assert.deepEqual([banned.membership, banned.joined_count], ['ban', undefined])
  assert.ok(bodiesOf(banned.timeline).includes('seen'))
  assert.ok(!JSON.stringify(banned).includes('not for bob'))
})

test('who was banned without having been there, and who is no member, is shown nothing', async () => {
  const { server, alice, bob, roomId } = await slidingRoom()
  await using _ = server
  const subscribed = { ...ALL, room_subscriptions: { [roomId]: { timeline_limit: 5 } } }
  const client = new SlidingClient(server, bob)
  assert.deepEqual((await client.sync(subscribed)).rooms, {})
  await server.request('POST', roomPath(roomId, 'ban'), { as: alice, body: { user_id: bob.userId } })
  const { rooms, lists } = await client.sync(subscribed)
  assert.deepEqual([rooms, lists.all.count], [{}, 0])
})

test('invites of ignored users are left out, and so are their messages', async () => {
  const { server, alice, bob, roomId } = await slidingRoom()
  await using _ = server
  await server.join(bob, roomId)
  await server.createRoom(alice, { invite: [bob.userId] })
  await server.accountData.put(bob.userId, undefined, 'm.ignored_user_list', { ignored_users: { [alice.userId]: {} } })
  await server.say(alice, roomId, 'ignored')
  const { rooms, lists } = await new SlidingClient(server, bob).sync(list({ timeline_limit: 20 }))
  assert.deepEqual([Object.keys(rooms), lists.list.count, bodiesOf(rooms[roomId].timeline)], [[roomId], 1, []])
})
