import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { client, roomPath } from '../testing/paths.ts'
import { type RoomServer, startRoomServer } from '../testing/room-server.ts'

async function membership(server: RoomServer, roomId: never, user: TestUser): Promise<string | undefined> {
  return (await server.rooms.reader.membership(roomId, user.userId))?.membership
}

async function act(server: RoomServer, as: TestUser, roomId: string, action: string, body: object = {}) {
  const answer = await server.request('POST', roomPath(roomId as never, action), { as, body: body as never })
  return [answer.status, answer.body.errcode] as const
}

test('invite, join, leave, forget', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await server.profiles.set(bob.userId, 'displayname', 'Bob')
  const roomId = await server.createRoom(alice)
  const invited = await server.request('POST', roomPath(roomId, 'invite'), {
    as: alice,
    body: { user_id: bob.userId, reason: 'tea' },
  })
  expectMatchesSpec('inviteUser', invited)
  assert.deepEqual(invited.body, {})
  const event = await server.rooms.reader.stateEvent(roomId, 'm.room.member', bob.userId)
  assert.deepEqual(event?.pdu.content, { displayname: 'Bob', membership: 'invite', reason: 'tea' })
  assert.deepEqual(await act(server, alice, roomId, 'invite', { user_id: bob.userId }), [200, undefined])
  const joined = await server.request('POST', roomPath(roomId, 'join'), { as: bob, body: { reason: 'thanks' } })
  expectMatchesSpec('joinRoomById', joined)
  assert.equal(joined.body.room_id, roomId)
  const rooms = await server.request('GET', client('/joined_rooms'), { as: bob })
  expectMatchesSpec('getJoinedRooms', rooms)
  assert.deepEqual(rooms.body.joined_rooms, [roomId])
  assert.deepEqual(await act(server, bob, roomId, 'forget'), [400, 'M_UNKNOWN'])
  assert.deepEqual(await act(server, bob, roomId, 'leave'), [200, undefined])
  assert.deepEqual(await act(server, bob, roomId, 'leave'), [200, undefined])
  assert.equal(await membership(server, roomId as never, bob), 'leave')
  assert.deepEqual(await act(server, bob, roomId, 'forget'), [200, undefined])
  assert.equal((await server.request('GET', roomPath(roomId, 'state'), { as: bob })).status, 403)
})

test('who was not asked cannot come in, and cannot ask others in', async () => {
  await using server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await server.createRoom(alice)
  assert.deepEqual(await act(server, bob, roomId, 'join'), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, bob, roomId, 'invite', { user_id: carol.userId }), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, bob, roomId, 'leave'), [404, 'M_NOT_FOUND'])
  assert.deepEqual(await act(server, alice, roomId, 'invite', { user_id: alice.userId }), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, alice, roomId, 'invite', {}), [400, 'M_MISSING_PARAM'])
  assert.deepEqual(await act(server, alice, roomId, 'invite', { user_id: 'x' }), [400, 'M_INVALID_PARAM'])
  assert.deepEqual(await act(server, alice, '!nowhere:here.test', 'join'), [404, 'M_NOT_FOUND'])
})

test('kick, ban and unban do what they say and nothing else', async () => {
  await using server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  const target = { user_id: bob.userId }
  assert.deepEqual(await act(server, alice, roomId, 'kick', target), [403, 'M_FORBIDDEN'])
  await server.join(bob, roomId)
  await server.join(carol, roomId)
  assert.deepEqual(await act(server, carol, roomId, 'kick', target), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, alice, roomId, 'unban', target), [403, 'M_BAD_STATE'])
  assert.equal(await membership(server, roomId as never, bob), 'join')
  assert.deepEqual(await act(server, alice, roomId, 'kick', { ...target, reason: 'noise' }), [200, undefined])
  assert.equal(await membership(server, roomId as never, bob), 'leave')
  assert.deepEqual(await act(server, alice, roomId, 'ban', target), [200, undefined])
  assert.deepEqual(await act(server, bob, roomId, 'join'), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, alice, roomId, 'invite', target), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, alice, roomId, 'kick', target), [403, 'M_FORBIDDEN'])
  assert.equal(await membership(server, roomId as never, bob), 'ban')
  assert.deepEqual(await act(server, alice, roomId, 'unban', target), [200, undefined])
  await server.join(bob, roomId)
})

test('bad input 26: ban or kick of an equal is refused', async () => {
  await using server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const users = { [bob.userId]: 50, [carol.userId]: 50 }
  const roomId = await server.createRoom(alice, {
    preset: 'public_chat',
    power_level_content_override: { users },
  })
  await server.join(bob, roomId)
  await server.join(carol, roomId)
  for (const action of ['kick', 'ban']) {
    assert.deepEqual(await act(server, bob, roomId, action, { user_id: carol.userId }), [403, 'M_FORBIDDEN'])
  }
  assert.equal(await membership(server, roomId as never, carol), 'join')
  // The twin: with more power the same request goes through.
  assert.deepEqual(await act(server, alice, roomId, 'kick', { user_id: carol.userId }), [200, undefined])
})

test('bad input 25: nobody promotes themselves, and nobody demotes a version 12 creator', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, {
    preset: 'public_chat',
    power_level_content_override: { users: { [bob.userId]: 100 } },
  })
  await server.join(bob, roomId)
  const levels = (await server.rooms.reader.stateEvent(roomId, 'm.room.power_levels', ''))?.pdu.content as object
  const put = (as: TestUser, users: object) =>
    server.request('PUT', roomPath(roomId, 'state', 'm.room.power_levels'), { as, body: { ...levels, users } as never })
  assert.equal((await put(bob, { [bob.userId]: 101 })).status, 403)
  const demoted = await put(bob, { [bob.userId]: 100, [alice.userId]: 0 })
  assert.equal(demoted.status, 403)
  // The twin: what bob may do, he may.
  assert.equal((await put(bob, { [bob.userId]: 90 })).status, 200)
})

test('bad input 27: a forged join_authorised_via_users_server lets nobody in; told to the engine itself it would', async () => {
  await using server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const space = await server.createRoom(alice)
  const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] }
  const roomId = await server.createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: rules }],
  })
  const content = { membership: 'join', join_authorised_via_users_server: alice.userId }
  const forged = await server.request('PUT', roomPath(roomId, 'state', 'm.room.member', bob.userId), {
    as: bob,
    body: content,
  })
  assert.deepEqual([forged.status, forged.body.errcode], [403, 'M_FORBIDDEN'])
  assert.deepEqual(await act(server, bob, roomId, 'join', content), [403, 'M_FORBIDDEN'])
  assert.equal(await membership(server, roomId as never, bob), undefined)
  const own = { roomId, sender: carol.userId, type: 'm.room.member', stateKey: carol.userId, content }
  await server.rooms.send(own)
  assert.equal(
    await membership(server, roomId as never, carol),
    'join',
    'what the key stands for is believed by the rules',
  )
})

test('knocking: only where the rules let one, not by members, and withdrawn by leaving', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const closed = await server.createRoom(alice)
  const open = await server.createRoom(alice, {
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    room_alias_name: 'knock',
  })
  const knock = async (room: string, as = bob) => {
    const answer = await server.request('POST', client(`/knock/${encodeURIComponent(room)}`), { as, body: {} })
    expectMatchesSpec('knockRoom', answer)
    return [answer.status, answer.body.errcode ?? answer.body.room_id]
  }
  assert.deepEqual(await knock(closed), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await knock('#nowhere:here.test'), [404, 'M_NOT_FOUND'])
  assert.deepEqual(await knock(open, alice), [403, 'M_FORBIDDEN'])
  assert.deepEqual(await knock('#knock:here.test'), [200, open])
  assert.ok((await server.sync(bob)).rooms.knock[open].knock_state.events.length > 0)
  assert.deepEqual(await act(server, bob, open, 'leave'), [200, undefined])
  assert.equal(await membership(server, open as never, bob), 'leave')
})

test('joining by alias, own and of another server', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat', room_alias_name: 'tea' })
  server.remote.aliases.set('#far:away.test', { roomId, servers: [] })
  for (const alias of ['#tea:here.test', '#far:away.test']) {
    const answer = await server.request('POST', client(`/join/${encodeURIComponent(alias)}`), { as: bob, body: {} })
    expectMatchesSpec('joinRoom', answer)
    assert.equal(answer.body.room_id, roomId)
  }
  const answer = await server.request('POST', client('/join/nonsense'), { as: bob, body: {} })
  assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_PARAM'])
})

test('invites are refused for users who take none, whichever way they are sent', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice)
  await server.accountData.put(bob.userId, undefined, 'm.invite_permission_config', { default_action: 'block' })
  assert.deepEqual(await act(server, alice, roomId, 'invite', { user_id: bob.userId }), [403, 'M_INVITE_BLOCKED'])
  const put = await server.request('PUT', roomPath(roomId, 'state', 'm.room.member', bob.userId), {
    as: alice,
    body: { membership: 'invite' },
  })
  assert.deepEqual([put.status, put.body.errcode], [403, 'M_INVITE_BLOCKED'])
  await server.accountData.put(bob.userId, undefined, 'm.invite_permission_config', {})
  assert.deepEqual(await act(server, alice, roomId, 'invite', { user_id: bob.userId }), [200, undefined])
})
