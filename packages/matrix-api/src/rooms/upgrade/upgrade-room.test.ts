import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
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
