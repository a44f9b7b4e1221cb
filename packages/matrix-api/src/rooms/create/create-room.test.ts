import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import { client, roomPath } from '../testing/paths.ts'
import { type RoomServer, startRoomServer } from '../testing/room-server.ts'

const CREATE = client('/createRoom')

type Event = { readonly type: string; readonly state_key?: string; readonly content: { [key: string]: unknown } }

async function stateOf(server: RoomServer, user: Awaited<ReturnType<RoomServer['user']>>, roomId: string) {
  const answer = await server.request('GET', roomPath(roomId as never, 'state'), { as: user })
  assert.equal(answer.status, 200)
  const events = answer.body as Event[]
  return (type: string, stateKey = '') =>
    events.find((event) => event.type === type && event.state_key === stateKey)?.content
}

test('a created room is there in the next sync, with its state in order', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  await server.profiles.set(alice.userId, 'displayname', 'Alice')
  const body = { name: 'Tea', topic: 'Leaves', preset: 'private_chat', room_alias_name: 'tea' }
  const answer = await server.request('POST', CREATE, { as: alice, body })
  expectMatchesSpec('createRoom', answer)
  const room = (await server.sync(alice)).rooms.join[answer.body.room_id]
  assert.deepEqual(
    room.timeline.events.map((event: Event) => event.type),
    [
      'm.room.create',
      'm.room.member',
      'm.room.power_levels',
      'm.room.canonical_alias',
      'm.room.join_rules',
      'm.room.history_visibility',
      'm.room.guest_access',
      'm.room.name',
      'm.room.topic',
    ],
  )
  assert.equal(room.timeline.limited, false)
  assert.deepEqual(room.state.events, [])
  assert.equal(room.timeline.events[1].content.displayname, 'Alice')
})

test('presets set join rules and guest access; visibility chooses one where none is named', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const expected = [
    [{ preset: 'private_chat' }, 'invite', 'can_join'],
    [{ preset: 'trusted_private_chat' }, 'invite', 'can_join'],
    [{ preset: 'public_chat' }, 'public', 'forbidden'],
    [{ visibility: 'public' }, 'public', 'forbidden'],
    [{}, 'invite', 'can_join'],
  ] as const
  for (const [body, joinRule, guestAccess] of expected) {
    const state = await stateOf(server, alice, await server.createRoom(alice, body))
    assert.deepEqual(state('m.room.join_rules'), { join_rule: joinRule })
    assert.deepEqual(state('m.room.guest_access'), { guest_access: guestAccess })
    assert.deepEqual(state('m.room.history_visibility'), { history_visibility: 'shared' })
  }
})

test('version 12 names no creator in the power levels; version 10 does', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const v12 = await stateOf(server, alice, await server.createRoom(alice, { room_version: '12' }))
  assert.deepEqual(v12('m.room.power_levels')?.users, {})
  const events = v12('m.room.power_levels')?.events as Record<string, number> | undefined
  assert.equal(events?.['m.room.tombstone'], 150)
  const v10 = await stateOf(server, alice, await server.createRoom(alice, { room_version: '10' }))
  assert.deepEqual(v10('m.room.power_levels')?.users, { [alice.userId]: 100 })
  assert.equal(v10('m.room.create')?.room_version, '10')
})

test('a trusted private chat gives its invitees the power of the creator', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const bob = await server.user('bob')
  const body = { preset: 'trusted_private_chat', invite: [bob.userId, bob.userId, alice.userId], is_direct: true }
  const v12 = await stateOf(server, alice, await server.createRoom(alice, body))
  assert.deepEqual(v12('m.room.create')?.additional_creators, [bob.userId])
  assert.deepEqual(v12('m.room.power_levels')?.users, {})
  assert.deepEqual(v12('m.room.member', bob.userId), { membership: 'invite', is_direct: true })
  const v11 = await stateOf(server, alice, await server.createRoom(alice, { ...body, room_version: '11' }))
  assert.equal(v11('m.room.create')?.additional_creators, undefined)
  assert.deepEqual(v11('m.room.power_levels')?.users, { [alice.userId]: 100, [bob.userId]: 100 })
})

test('initial_state overrides the preset, name and topic override both, power levels come first', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const roomId = await server.createRoom(alice, {
    name: 'Given',
    initial_state: [
      { type: 'm.room.name', content: { name: 'Overridden' } },
      { type: 'm.room.join_rules', content: { join_rule: 'knock' } },
      { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
      { type: 'org.example.note', state_key: 'a', content: { n: 1 } },
      { type: 'm.room.power_levels', content: { events_default: 7 } },
    ],
    power_level_content_override: { events_default: 3 },
    creation_content: { type: 'm.space', creator: '@evil:x', room_version: '1', 'm.federate': true },
  })
  const state = await stateOf(server, alice, roomId)
  assert.deepEqual(state('m.room.name'), { name: 'Given' })
  assert.deepEqual(state('m.room.join_rules'), { join_rule: 'knock' })
  assert.deepEqual(state('org.example.note', 'a'), { n: 1 })
  assert.deepEqual(state('m.room.power_levels'), { events_default: 7 })
  assert.deepEqual(state('m.room.create'), { type: 'm.space', 'm.federate': true, room_version: '12' })
  const [timeline] = [(await server.sync(alice)).rooms.join[roomId].timeline.events as Event[]]
  assert.equal(
    timeline.findIndex((event) => event.type === 'm.room.power_levels'),
    2,
  )
})

test('power_level_content_override lies on top of the defaults', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const roomId = await server.createRoom(alice, { power_level_content_override: { invite: 42 } })
  const levels = (await stateOf(server, alice, roomId))('m.room.power_levels')
  assert.equal(levels?.invite, 42)
  assert.equal(levels?.state_default, 50)
})

test('what cannot be created is refused with the code that says why', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  await server.createRoom(alice, { room_alias_name: 'taken' })
  const refused = [
    [{ room_alias_name: 'taken' }, 400, 'M_ROOM_IN_USE'],
    [{ room_alias_name: 'a:b' }, 400, 'M_INVALID_PARAM'],
    [{ room_version: '99' }, 400, 'M_UNSUPPORTED_ROOM_VERSION'],
    [{ room_version: '__proto__' }, 400, 'M_UNSUPPORTED_ROOM_VERSION'],
    [{ invite: ['nobody'] }, 400, 'M_INVALID_PARAM'],
    [{ preset: 'odd' }, 400, 'M_INVALID_PARAM'],
    [{ name: 5 }, 400, 'M_BAD_JSON'],
    [{ invite_3pid: [{}] }, 403, 'M_THREEPID_DENIED'],
    [{ initial_state: [{ type: 'm.room.create', content: {} }] }, 400, 'M_INVALID_ROOM_STATE'],
    [{ power_level_content_override: { users: { [alice.userId]: 100 } } }, 400, 'M_INVALID_ROOM_STATE'],
  ] as const
  for (const [body, status, errcode] of refused) {
    const answer = await server.request('POST', CREATE, { as: alice, body })
    assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(body))
    expectMatchesSpec('createRoom', answer)
  }
  assert.equal((await server.request('GET', client('/joined_rooms'), { as: alice })).body.joined_rooms.length, 1)
})

test('bad input 40: version 12 create events with bad creators are refused', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  for (const creators of ['@a:b', ['nobody'], [5], [null], [{}]]) {
    const body = { creation_content: { additional_creators: creators } }
    const answer = await server.request('POST', CREATE, { as: alice, body })
    assert.equal(answer.status, 400, JSON.stringify(creators))
  }
})

test('an invite that fails does not undo the room', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const banned = '@bob:away.test'
  const ban = { type: 'm.room.member', state_key: banned, content: { membership: 'ban' } }
  const roomId = await server.createRoom(alice, { initial_state: [ban], invite: [banned] })
  const state = await stateOf(server, alice, roomId)
  assert.equal(state('m.room.member', banned)?.membership, 'ban')
  assert.ok(server.logger.lines.some(({ message }) => message.includes('invite')))
})

test('who takes no invites is in no new room: 403 M_INVITE_BLOCKED, and the room is not made', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  await server.accountData.put(bob.userId, undefined, 'm.invite_permission_config', { default_action: 'block' })
  const refused = await server.request('POST', CREATE, { as: alice, body: { invite: [bob.userId] } })
  expectMatchesSpec('createRoom', refused)
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_INVITE_BLOCKED'])
  assert.deepEqual(await server.rooms.reader.roomsOf(alice.userId), [])
  await server.accountData.put(bob.userId, undefined, 'm.invite_permission_config', {})
  await server.createRoom(alice, { invite: [bob.userId] })
})
