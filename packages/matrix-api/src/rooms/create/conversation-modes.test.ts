import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { client, roomPath } from '../testing/paths.ts'
import { type RoomServer, startRoomServer } from '../testing/room-server.ts'

/** The four kinds of conversation, each as a client asks for it: nothing but `POST /createRoom` of the spec. */
const MODES = {
  oneToOne: (other: TestUser) => ({ preset: 'trusted_private_chat', is_direct: true, invite: [other.userId] }),
  adminsInvite: () => ({ preset: 'private_chat', power_level_content_override: { invite: 100 } }),
  membersInvite: () => ({ preset: 'private_chat' }),
  public: () => ({ preset: 'public_chat', visibility: 'public', room_alias_name: 'square' }),
} as const

async function people(server: RoomServer) {
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  return { alice, bob, carol }
}

async function create(server: RoomServer, as: TestUser, body: JsonObject): Promise<RoomId> {
  const answer = await server.request('POST', client('/createRoom'), { as, body })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  expectMatchesSpec('createRoom', answer)
  return answer.body.room_id
}

async function statusOf(server: RoomServer, as: TestUser, roomId: RoomId, action: string, body: JsonObject = {}) {
  const answer = await server.request('POST', roomPath(roomId, action), { as, body })
  return answer.status
}

test('one to one: the other is asked in as to a direct chat, and has as much to say as who asked', async () => {
  await using server = await startRoomServer()
  const { alice, bob, carol } = await people(server)
  const roomId = await create(server, alice, MODES.oneToOne(bob))
  const invited = (await server.sync(bob)).rooms.invite[roomId].invite_state.events
  const own = invited.find((event: { state_key?: string }) => event.state_key === bob.userId)
  assert.equal(own.content.is_direct, true)
  await server.join(bob, roomId)
  assert.equal(await statusOf(server, carol, roomId, 'join'), 403)
  const rename = await server.request('PUT', roomPath(roomId, 'state', 'm.room.name'), {
    as: bob,
    body: { name: 'Ours' },
  })
  assert.equal(rename.status, 200)
  const levels = await server.request('PUT', roomPath(roomId, 'state', 'm.room.power_levels'), {
    as: bob,
    body: { users: {}, invite: 100 },
  })
  assert.equal(levels.status, 200, 'the other may even say who else comes in')
})

test('only admins invite: members cannot', async () => {
  await using server = await startRoomServer()
  const { alice, bob, carol } = await people(server)
  const roomId = await create(server, alice, MODES.adminsInvite())
  assert.equal(await statusOf(server, alice, roomId, 'invite', { user_id: bob.userId }), 200)
  await server.join(bob, roomId)
  assert.equal(await statusOf(server, bob, roomId, 'invite', { user_id: carol.userId }), 403)
  assert.equal(await statusOf(server, carol, roomId, 'join'), 403)
  assert.equal(await statusOf(server, alice, roomId, 'invite', { user_id: carol.userId }), 200)
  await server.join(carol, roomId)
})

test('members invite: whoever is in may ask others in, and nobody comes unasked', async () => {
  await using server = await startRoomServer()
  const { alice, bob, carol } = await people(server)
  const roomId = await create(server, alice, { ...MODES.membersInvite(), invite: [bob.userId] })
  await server.join(bob, roomId)
  assert.equal(await statusOf(server, carol, roomId, 'join'), 403)
  assert.equal(await statusOf(server, bob, roomId, 'invite', { user_id: carol.userId }), 200)
  await server.join(carol, roomId)
  assert.equal(await statusOf(server, carol, roomId, 'kick', { user_id: bob.userId }), 403)
})

test('public: listed, found by its alias and entered by anybody; the moderators invite', async () => {
  await using server = await startRoomServer()
  const { alice, bob, carol } = await people(server)
  const roomId = await create(server, alice, MODES.public())
  const list = await server.request('GET', client('/publicRooms'))
  assert.deepEqual(
    list.body.chunk.map((room: JsonObject) => [room.room_id, room.canonical_alias, room.join_rule]),
    [[roomId, '#square:here.test', 'public']],
  )
  const joined = await server.request('POST', client(`/join/${encodeURIComponent('#square:here.test')}`), {
    as: bob,
    body: {},
  })
  assert.deepEqual([joined.status, joined.body], [200, { room_id: roomId }])
  assert.equal(await statusOf(server, bob, roomId, 'invite', { user_id: carol.userId }), 403)
  assert.equal(await statusOf(server, carol, roomId, 'join'), 200)
})

test('bad input 19: a flood of new rooms is 429 with retry_after_ms', async () => {
  await using limited = await startRoomServer({ rateLimits: true })
  const alice = await limited.user('alice')
  const statuses: number[] = []
  for (let n = 0; n < 40 && statuses.at(-1) !== 429; n++) {
    const answer = await limited.request('POST', client('/createRoom'), { as: alice, body: {} })
    statuses.push(answer.status)
    if (answer.status !== 429) continue
    assert.equal(answer.body.errcode, 'M_LIMIT_EXCEEDED')
    assert.ok(answer.body.retry_after_ms > 0)
    expectMatchesSpec('createRoom', answer)
  }
  assert.equal(statuses.at(-1), 429)
  await using open = await startRoomServer()
  const bob = await open.user('bob')
  for (let n = 0; n < statuses.length; n++) await open.createRoom(bob)
})
