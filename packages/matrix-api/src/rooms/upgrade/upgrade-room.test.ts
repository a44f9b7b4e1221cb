import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RoomId, SUPPORTED_VERSIONS } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import { client, roomPath } from '../testing/paths.ts'
import { startRoomServer } from '../testing/room-server.ts'

test('an upgrade carries the room over and closes the old one', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const old = await server.createRoom(alice, {
    room_version: '10',
    preset: 'public_chat',
    visibility: 'public',
    name: 'Tea',
    room_alias_name: 'tea',
    creation_content: { type: 'm.space' },
    power_level_content_override: { users: { [alice.userId]: 100, [bob.userId]: 50 } },
  })
  await server.join(bob, old)
  const refused = await server.request('POST', roomPath(old, 'upgrade'), { as: bob, body: { new_version: '12' } })
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN'])
  const unknown = await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body: { new_version: '99' } })
  assert.deepEqual([unknown.status, unknown.body.errcode], [400, 'M_UNSUPPORTED_ROOM_VERSION'])

  const answer = await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body: { new_version: '12' } })
  expectMatchesSpec('upgradeRoom', answer)
  const fresh = answer.body.replacement_room as RoomId
  const state = async (roomId: RoomId, type: string) =>
    (await server.rooms.reader.stateEvent(roomId, type, ''))?.pdu.content as Record<string, unknown> | undefined
  assert.deepEqual(await state(fresh, 'm.room.create'), {
    type: 'm.space',
    predecessor: { room_id: old },
    room_version: '12',
  })
  assert.deepEqual(await state(fresh, 'm.room.name'), { name: 'Tea' })
  assert.deepEqual((await state(fresh, 'm.room.power_levels'))?.users, { [bob.userId]: 50 })
  assert.equal((await state(old, 'm.room.tombstone'))?.replacement_room, fresh)
  assert.equal((await state(old, 'm.room.power_levels'))?.events_default, 50)
  assert.equal((await server.request('GET', client('/directory/room/%23tea:here.test'))).body.room_id, fresh)
  const listed = (await server.request('GET', client('/publicRooms'))).body.chunk
  assert.deepEqual(
    listed.map((room: { room_id: string }) => room.room_id),
    [fresh],
  )
  // An ordinary member can still read the old room, but not write.
  const carol = await server.user('carol')
  await server.join(carol, old)
  const send = await server.request('PUT', roomPath(old, 'send', 'm.room.message', '1'), {
    as: carol,
    body: { body: '' },
  })
  assert.equal(send.status, 403)
})

test('an upgrade with additional creators, and back to a version that names its admins', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const old = await server.createRoom(alice, { preset: 'public_chat' })
  const body = { new_version: '12', additional_creators: [bob.userId] }
  const up = (await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body })).body.replacement_room
  const create = await server.rooms.reader.stateEvent(up, 'm.room.create', '')
  assert.deepEqual(create?.pdu.content.additional_creators, [bob.userId])
  const back = await server.request('POST', roomPath(up, 'upgrade'), { as: alice, body: { new_version: '11' } })
  const levels = await server.rooms.reader.stateEvent(back.body.replacement_room, 'm.room.power_levels', '')
  assert.deepEqual(levels?.pdu.content.users, { [alice.userId]: 100 })
})

for (const to of ['11', '12']) {
  test(`who is banned stays banned in the room of version ${to}, also where he had as much power as who upgrades`, async () => {
    await using server = await startRoomServer()
    const alice = await server.user('alice')
    const users = await Promise.all(['bob', 'carol', 'dora', 'eve'].map((name) => server.user(name)))
    const [bob, carol, dora, eve] = users as [typeof alice, typeof alice, typeof alice, typeof alice]
    const old = await server.createRoom(alice, { room_version: '10', preset: 'public_chat' })
    const ban = { user_id: bob.userId, reason: 'spam' }
    assert.equal((await server.request('POST', roomPath(old, 'ban'), { as: alice, body: ban })).status, 200)
    for (const { userId } of [carol, dora]) {
      await server.request('POST', roomPath(old, 'ban'), { as: alice, body: { user_id: userId } })
    }
    await server.request('POST', roomPath(old, 'unban'), { as: alice, body: { user_id: dora.userId } })
    await server.join(eve, old)
    const levels = { users: { [alice.userId]: 100, [bob.userId]: 100 } }
    const path = roomPath(old, 'state', 'm.room.power_levels', '')
    assert.equal((await server.request('PUT', path, { as: alice, body: levels })).status, 200)

    // Who is made a creator of the new room is not banned there: nobody can ban a creator.
    const creators = to === '12' ? { additional_creators: [carol.userId] } : {}
    const body = { new_version: to, ...creators }
    const answer = await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body })
    const fresh = answer.body.replacement_room as RoomId
    const membership = async (userId: string) =>
      (await server.rooms.reader.stateEvent(fresh, 'm.room.member', userId))?.pdu.content
    assert.deepEqual(await membership(bob.userId), { membership: 'ban', reason: 'spam' })
    assert.deepEqual(await membership(carol.userId), to === '12' ? undefined : { membership: 'ban' })
    assert.deepEqual([await membership(dora.userId), await membership(eve.userId)], [undefined, undefined])
    const join = await server.request('POST', roomPath(fresh, 'join'), { as: bob, body: {} })
    assert.deepEqual([join.status, join.body.errcode], [403, 'M_FORBIDDEN'])
  })
}

const VERSIONS = Object.keys(SUPPORTED_VERSIONS)

for (const [index, from] of VERSIONS.entries()) {
  // To the next version, which for the last is the first: every version is left and entered once.
  const to = VERSIONS[(index + 1) % VERSIONS.length] ?? '12'
  test(`a room of version ${from} is upgraded to ${to}: predecessor, tombstone, state and power`, async () => {
    await using server = await startRoomServer()
    const [alice, bob] = [await server.user('alice'), await server.user('bob')]
    const old = await server.createRoom(alice, {
      room_version: from,
      preset: 'public_chat',
      name: 'Tea',
      topic: 'green',
    })
    await server.join(bob, old)
    const last = await server.say(bob, old, 'the last word')
    const answer = await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body: { new_version: to } })
    expectMatchesSpec('upgradeRoom', answer)
    const fresh = answer.body.replacement_room as RoomId
    const { reader } = server.rooms
    const content = async (roomId: RoomId, type: string) =>
      (await reader.stateEvent(roomId, type, ''))?.pdu.content as Record<string, unknown> | undefined
    const create = await content(fresh, 'm.room.create')
    assert.equal(create?.room_version, to)
    assert.deepEqual(create?.predecessor, to === '12' ? { room_id: old } : { room_id: old, event_id: last })
    assert.equal(create?.creator, Number(to) < 11 ? alice.userId : undefined)
    assert.equal(fresh.includes(':'), to !== '12')
    assert.equal((await content(old, 'm.room.tombstone'))?.replacement_room, fresh)
    for (const type of ['m.room.name', 'm.room.topic', 'm.room.join_rules', 'm.room.history_visibility']) {
      assert.deepEqual(await content(fresh, type), await content(old, type), type)
    }
    await server.join(bob, fresh)
    await server.say(bob, fresh, 'the first word')
    const again = await server.request('POST', roomPath(fresh, 'upgrade'), { as: alice, body: { new_version: from } })
    assert.equal(again.status, 200, 'who upgraded has the power to do it again')
  })
}

test('power levels that are strings become integers where the new version wants them', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const levels = {
    users: { [alice.userId]: '100', [bob.userId]: ' +50 ' },
    invite: '30',
    events: { 'm.room.name': '010' },
  }
  const old = await server.createRoom(alice, { room_version: '9', power_level_content_override: levels })
  const body = { new_version: '10' }
  const fresh = (await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body })).body.replacement_room
  const moved = (await server.rooms.reader.stateEvent(fresh, 'm.room.power_levels', ''))?.pdu.content
  assert.deepEqual(moved?.users, { [alice.userId]: 100, [bob.userId]: 50 })
  assert.equal(moved?.invite, 30)
  const events: Record<string, unknown> = { ...(moved?.events as object) }
  assert.equal(events['m.room.name'], 10)
})

test('a join rule that an older version does not know becomes the nearest that it knows', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const expected = [
    ['10', '9', 'knock_restricted', 'restricted'],
    ['8', '7', 'restricted', 'invite'],
    ['7', '6', 'knock', 'invite'],
    ['10', '12', 'knock_restricted', 'knock_restricted'],
  ] as const
  for (const [from, to, before, after] of expected) {
    const rule = { type: 'm.room.join_rules', state_key: '', content: { join_rule: before } }
    const old = await server.createRoom(alice, { room_version: from, initial_state: [rule] })
    const answer = await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body: { new_version: to } })
    const moved = await server.rooms.reader.stateEvent(answer.body.replacement_room, 'm.room.join_rules', '')
    assert.equal(moved?.pdu.content.join_rule, after, `${from} to ${to}`)
  }
})

test('tags, push rules and direct chats go with a user into the room that replaces another; canonical aliases with the room', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const { accountData, pushRules } = server
  const old = await server.createRoom(alice, { preset: 'public_chat', room_alias_name: 'tea' })
  await server.join(bob, old)
  for (const { userId } of [alice, bob]) {
    await accountData.put(userId, old, 'm.tag', { tags: { 'm.favourite': { order: 0.5 } } })
    await accountData.put(userId, undefined, 'm.direct', { '@x:y': ['!a:y', old], '@z:y': ['!b:y'] })
    const muted = [{ kind: 'event_match', key: 'room_id', pattern: old }]
    await pushRules.put(userId, 'override', old, { actions: [], conditions: muted }, {})
    await pushRules.put(userId, 'room', old, { actions: ['notify'] }, {})
  }
  const body = { new_version: '12' }
  const answer = await server.request('POST', roomPath(old, 'upgrade'), { as: alice, body })
  const fresh = answer.body.replacement_room as RoomId
  await server.join(bob, fresh)
  for (const { userId } of [alice, bob]) {
    assert.deepEqual(await accountData.get(userId, fresh, 'm.tag'), { tags: { 'm.favourite': { order: 0.5 } } })
    const direct = { '@x:y': ['!a:y', old, fresh], '@z:y': ['!b:y'] }
    assert.deepEqual(await accountData.get(userId, undefined, 'm.direct'), direct)
    const rule = await pushRules.rule(userId, 'override', fresh)
    assert.deepEqual(rule.conditions, [{ kind: 'event_match', key: 'room_id', pattern: fresh }])
    assert.deepEqual((await pushRules.rule(userId, 'room', fresh)).actions, ['notify'])
  }
  const canonical = async (roomId: RoomId) =>
    (await server.rooms.reader.stateEvent(roomId, 'm.room.canonical_alias', ''))?.pdu.content
  assert.deepEqual([await canonical(old), await canonical(fresh)], [{}, { alias: '#tea:here.test' }])
})

test('a room that only says itself that it replaces another gets nothing of what was set for that', async () => {
  await using server = await startRoomServer()
  const [alice, eve] = [await server.user('alice'), await server.user('eve')]
  const mine = await server.createRoom(alice)
  await server.accountData.put(alice.userId, mine, 'm.tag', { tags: { 'm.favourite': {} } })
  const creation = { predecessor: { room_id: mine } }
  const theirs = await server.createRoom(eve, { preset: 'public_chat', creation_content: creation })
  await server.join(alice, theirs)
  assert.equal(await server.accountData.get(alice.userId, theirs, 'm.tag'), undefined)
})
