import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { roomPath } from '../rooms/testing/paths.ts'
import { startRoomServer } from '../rooms/testing/room-server.ts'
import { SlidingClient } from './testing/sliding-client.ts'

async function rooms() {
  const server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const plain = await server.createRoom(alice, { name: 'Tea Party' })
  const direct = await server.createRoom(alice, { initial_state: [encryption], invite: [bob.userId] })
  const space = await server.createRoom(alice, { name: 'House', creation_content: { type: 'm.space' } })
  const invited = await server.createRoom(bob, {
    name: 'Elsewhere',
    invite: [alice.userId],
    initial_state: [encryption],
  })
  await server.accountData.put(alice.userId, undefined, 'm.direct', { [bob.userId]: [direct], odd: 'not a list' })
  await server.accountData.put(alice.userId, plain, 'm.tag', { tags: { 'm.favourite': { order: 0.5 }, 'u.a': {} } })
  await server.request('PUT', roomPath(space, 'state', 'm.space.child', plain), {
    as: alice,
    body: { via: ['here.test'] },
  })
  await server.request('PUT', roomPath(space, 'state', 'm.space.child', direct), { as: alice, body: {} })
  const client = new SlidingClient(server, alice)
  const matching = async (filters: JsonObject): Promise<RoomId[]> => {
    const body = await client.sync({ lists: { filtered: { ranges: [[0, 0]], filters }, all: {} } })
    const one = await client.sync({ lists: { filtered: { filters } } })
    assert.equal(one.lists.filtered.count, body.lists.filtered.count)
    const fresh = await new SlidingClient(server, alice, 'fresh').sync({ lists: { filtered: { filters } } })
    assert.equal(Object.keys(fresh.rooms).length, one.lists.filtered.count)
    return Object.keys(fresh.rooms) as RoomId[]
  }
  return { server, alice, bob, plain, direct, space, invited, matching }
}

test('each filter of a list, alone and together', async () => {
  const { server, bob, plain, direct, space, invited, matching } = await rooms()
  await using _ = server
  const expected: readonly (readonly [filters: JsonObject, rooms: readonly RoomId[]])[] = [
    [{}, [plain, direct, space, invited]],
    [{ is_dm: true }, [direct]],
    [{ is_dm: false, is_invite: false }, [plain, space]],
    [{ is_encrypted: true }, [direct, invited]],
    [{ is_encrypted: false }, [plain, space]],
    [{ is_invite: true }, [invited]],
    [{ is_invited: true }, [invited]],
    [{ is_invite: null, room_types: null }, [plain, direct, space, invited]],
    [{ room_types: ['m.space'] }, [space]],
    [{ room_types: [null] }, [plain, direct, invited]],
    [{ room_types: [null, 'm.space'], not_room_types: ['m.space'] }, [plain, direct, invited]],
    [{ not_room_types: [null] }, [space]],
    [{ room_name_like: 'tEA p' }, [plain]],
    [{ room_name_like: bob.userId.slice(0, 4) }, [direct]],
    [{ room_name_like: 'elsew' }, [invited]],
    [{ spaces: [space, '!unknown:here.test'] }, [plain]],
    [{ spaces: [plain] }, []],
    [{ tags: ['m.favourite', 'm.lowpriority'] }, [plain]],
    [{ tags: ['m.favourite'], not_tags: ['u.a'] }, []],
    [{ not_tags: ['m.favourite'] }, [direct, space, invited]],
    [{ is_dm: true, is_encrypted: false }, []],
  ]
  for (const [filters, ids] of expected) {
    assert.deepEqual((await matching(filters)).sort(), [...ids].sort(), JSON.stringify(filters))
  }
})

test('filters follow what changes: name, encryption, tags, direct chats, children of a space', async () => {
  const { server, alice, bob, plain, direct, space, matching } = await rooms()
  await using _ = server
  const before = await matching({
    room_name_like: 'tea',
    is_encrypted: false,
    tags: ['u.a'],
    spaces: [space],
    is_dm: false,
  })
  assert.deepEqual(before, [plain])
  await server.request('PUT', roomPath(plain, 'state', 'm.room.name'), { as: alice, body: { name: 'Coffee' } })
  assert.deepEqual(await matching({ room_name_like: 'tea' }), [])
  assert.deepEqual(await matching({ room_name_like: 'coffee' }), [plain])
  await server.request('PUT', roomPath(plain, 'state', 'm.room.encryption'), { as: alice, body: { algorithm: 'x' } })
  assert.ok((await matching({ is_encrypted: true })).includes(plain))
  await server.accountData.put(alice.userId, plain, 'm.tag', { tags: {} })
  assert.deepEqual(await matching({ tags: ['u.a'] }), [])
  await server.accountData.put(alice.userId, undefined, 'm.direct', { [bob.userId]: [plain] })
  assert.deepEqual(await matching({ is_dm: true }), [plain])
  await server.request('PUT', roomPath(space, 'state', 'm.space.child', direct), {
    as: alice,
    body: { via: ['a.test'] },
  })
  assert.deepEqual((await matching({ spaces: [space] })).sort(), [plain, direct].sort())
})

test('a room that becomes a direct chat is told so', async () => {
  const { server, alice, bob, plain } = await rooms()
  await using _ = server
  const client = new SlidingClient(server, alice)
  await client.sync({ lists: { all: {} } })
  await server.accountData.put(alice.userId, undefined, 'm.direct', { [bob.userId]: [plain] })
  const { rooms: changed } = await client.sync({ lists: { all: {} } }, { timeout: '30000' })
  assert.equal(changed[plain].is_dm, true)
  assert.equal(
    Object.values(changed as Record<string, { is_dm: boolean }>).filter(({ is_dm }) => is_dm === false).length,
    1,
  )
})
