import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import { client, roomPath } from '../testing/paths.ts'
import { startRoomServer } from '../testing/room-server.ts'
import { directoryForServers } from './directory-for-servers.ts'

const aliasPath = (alias: string) => client(`/directory/room/${encodeURIComponent(alias)}`)
const listPath = (roomId: string) => client(`/directory/list/room/${encodeURIComponent(roomId)}`)

test('aliases: made by members, resolved by anybody, removed by who may', async () => {
  await using server = await startRoomServer()
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  await server.join(bob, roomId)
  const put = async (as: typeof alice, alias: string, body: JsonObject = { room_id: roomId }) => {
    const answer = await server.request('PUT', aliasPath(alias), { as, body })
    expectMatchesSpec('setRoomAlias', answer)
    return answer.status
  }
  assert.equal(await put(carol, '#tea:here.test'), 403)
  assert.equal(await put(bob, '#tea:away.test'), 403)
  assert.equal(await put(bob, 'tea'), 400)
  assert.equal(await put(bob, '#tea:here.test', {}), 400)
  assert.equal(await put(bob, '#tea:here.test', { room_id: 'x' }), 400)
  assert.equal(await put(bob, '#tea:here.test'), 200)
  assert.equal(await put(alice, '#tea:here.test'), 409)
  const got = await server.request('GET', aliasPath('#tea:here.test'))
  expectMatchesSpec('getRoomIdByAlias', got)
  assert.deepEqual(got.body, { room_id: roomId, servers: ['here.test'] })
  const listed = await server.request('GET', roomPath(roomId, 'aliases'), { as: alice })
  expectMatchesSpec('getLocalAliases', listed)
  assert.deepEqual(listed.body, { aliases: ['#tea:here.test'] })
  assert.equal((await server.request('DELETE', aliasPath('#tea:here.test'), { as: carol })).status, 403)
  const removed = await server.request('DELETE', aliasPath('#tea:here.test'), { as: alice })
  expectMatchesSpec('deleteRoomAlias', removed)
  assert.equal(removed.status, 200)
  assert.equal((await server.request('DELETE', aliasPath('#tea:here.test'), { as: alice })).status, 404)
  assert.equal((await server.request('GET', aliasPath('#tea:here.test'))).status, 404)
})

test('aliases of other servers are asked for, for users', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  server.remote.aliases.set('#far:away.test', { roomId: '!x:away.test' as RoomId, servers: [] })
  assert.equal((await server.request('GET', aliasPath('#far:away.test'), { as: alice })).body.room_id, '!x:away.test')
  assert.equal((await server.request('GET', aliasPath('#far:away.test'))).status, 404)
  assert.equal((await server.request('GET', aliasPath('#none:away.test'), { as: alice })).status, 404)
})

test('the published directory: who may publish, what is listed, pages, search', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const tea = await server.createRoom(alice, { visibility: 'public', name: 'Tea room', topic: 'leaves' })
  const space = await server.createRoom(alice, { name: 'Space', creation_content: { type: 'm.space' } })
  await server.join(bob, tea)
  const publish = (as: typeof alice, roomId: string, body: JsonObject) =>
    server.request('PUT', listPath(roomId), { as, body })
  assert.equal((await publish(bob, tea, { visibility: 'private' })).status, 403)
  assert.equal((await publish(bob, space, {})).status, 403)
  assert.equal((await publish(alice, '!nowhere:here.test', {})).status, 404)
  assert.equal((await publish(alice, space, { visibility: 'odd' })).status, 400)
  const before = await server.request('GET', listPath(space), { as: alice })
  expectMatchesSpec('getRoomVisibilityOnDirectory', before)
  assert.deepEqual(before.body, { visibility: 'private' })
  assert.equal((await server.request('GET', listPath(space), { as: bob })).status, 404)
  assert.equal((await publish(alice, space, {})).status, 200)
  assert.deepEqual((await server.request('GET', listPath(space))).body, { visibility: 'public' })

  const all = await server.request('GET', client('/publicRooms'))
  expectMatchesSpec('getPublicRooms', all)
  assert.deepEqual(
    all.body.chunk.map((room: { room_id: string }) => room.room_id),
    [tea, space],
  )
  assert.deepEqual(all.body.chunk[0], {
    room_id: tea,
    name: 'Tea room',
    topic: 'leaves',
    join_rule: 'public',
    num_joined_members: 2,
    world_readable: false,
    guest_can_join: false,
  })
  const page = await server.request('GET', client('/publicRooms'), { query: { limit: '1' } })
  const next = await server.request('GET', client('/publicRooms'), {
    query: { limit: '1', since: page.body.next_batch },
  })
  assert.deepEqual([page.body.chunk[0].room_id, next.body.chunk[0].room_id], [tea, space])
  assert.equal(next.body.next_batch, undefined)
  assert.equal((await server.request('GET', client('/publicRooms'), { query: { since: 'x' } })).status, 400)

  const search = async (filter: JsonObject) => {
    const answer = await server.request('POST', client('/publicRooms'), { as: bob, body: { filter } })
    expectMatchesSpec('queryPublicRooms', answer)
    return answer.body.chunk.map((room: { room_id: string }) => room.room_id)
  }
  assert.deepEqual(await search({ generic_search_term: 'LEAVES' }), [tea])
  assert.deepEqual(await search({ room_types: ['m.space'] }), [space])
  assert.deepEqual(await search({ room_types: [null] }), [tea])
  server.remote.publicRoomsAnswer = { chunk: [], total_room_count_estimate: 7 }
  const elsewhere = await server.request('GET', client('/publicRooms'), { as: bob, query: { server: 'away.test' } })
  assert.equal(elsewhere.body.total_room_count_estimate, 7)
  assert.equal((await server.request('GET', client('/publicRooms'), { query: { server: 'away.test' } })).status, 401)
})

test('room summary: for whom a room may be known', async () => {
  await using server = await startRoomServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const open = await server.createRoom(alice, { preset: 'public_chat', room_alias_name: 'open', name: 'Open' })
  const restricted = await server.createRoom(alice, {
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: open }] },
      },
      { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
    ],
  })
  const summary = (room: string, as?: typeof bob) =>
    server.request('GET', client(`/room_summary/${encodeURIComponent(room)}`, 'v1'), as ? { as } : {})
  const byAlias = await summary('#open:here.test')
  expectMatchesSpec('getRoomSummary', byAlias)
  assert.deepEqual([byAlias.body.name, byAlias.body.membership, byAlias.body.room_version], ['Open', undefined, '12'])
  assert.equal((await summary(open, bob)).body.membership, 'leave')
  assert.equal((await summary(restricted, bob)).status, 404)
  await server.join(bob, open)
  const known = await summary(restricted, bob)
  assert.deepEqual(known.body.allowed_room_ids, [open])
  assert.equal(known.body.encryption, 'm.megolm.v1.aes-sha2')
  assert.equal((await summary('#none:here.test', bob)).status, 404)
})

test('other servers get aliases and published rooms, and nothing for nonsense', async () => {
  await using server = await startRoomServer()
  const alice = await server.user('alice')
  const roomId = await server.createRoom(alice, { visibility: 'public', room_alias_name: 'tea', name: 'Tea' })
  await server.createRoom(alice, { name: 'Private' })
  const { reader } = server.rooms
  const directory = directoryForServers({ directory: server.directory, reader, serverName: server.serverName })
  assert.deepEqual(await directory.resolve('#tea:here.test'), { roomId, servers: ['here.test'] })
  assert.equal(await directory.resolve('#none:here.test'), undefined)
  assert.equal(await directory.resolve('nonsense'), undefined)
  const answer = await directory.publicRooms({ limit: 1_000_000_000 })
  assert.equal(answer.total_room_count_estimate, 1)
  await assert.rejects(directory.publicRooms({ filter: 5 }), MatrixError)
})
