import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'
import { limits } from '../limits.ts'

async function setUp(t: TestContext) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const user = a.user()
  const query = (body: JsonObject) => a.ask(b, 'POST', '/_matrix/federation/v1/user/keys/query', body)
  const claim = (body: JsonObject) => a.ask(b, 'POST', '/_matrix/federation/v1/user/keys/claim', body)
  const devices = (id: string) => a.ask(b, 'GET', `/_matrix/federation/v1/user/devices/${encodeURIComponent(id)}`)
  const profile = (search: string) => a.ask(b, 'GET', `/_matrix/federation/v1/query/profile?${search}`)
  return { network, a, b, user, query, claim, devices, profile }
}

const wanted = (user: string) => ({ one_time_keys: { [user]: { DEVICE: 'signed_curve25519' } } })

test('profiles are answered to whoever names the user exactly', async (t) => {
  const { user, profile } = await setUp(t)
  const id = encodeURIComponent(user)
  assert.deepEqual(await profile(`user_id=${id}`), { displayname: user })
  assert.deepEqual(await profile(`user_id=${id}&field=displayname`), { displayname: user })
  assert.deepEqual(await profile(`user_id=${id}&field=avatar_url`), {})
  assert.deepEqual(await profile(`user_id=${id}&field=__proto__`), {})
  await assert.rejects(profile(`user_id=${encodeURIComponent('@nobody:a')}`), { status: 404 })
  await assert.rejects(profile(`user_id=${encodeURIComponent('@u:b')}`), { status: 400 })
  await assert.rejects(profile('user_id=nonsense'), { status: 400 })
})

test('strangers get device keys without names, no one-time keys and no device list', async (t) => {
  const { a, b, user, query, claim, devices } = await setUp(t)
  const stranger = await query({ device_keys: { [user]: [] } })
  assert.equal(JSON.stringify(stranger).includes('secret name'), false)
  assert.ok(JSON.stringify(stranger).includes('DEVICE'))
  assert.deepEqual(await claim(wanted(user)), { one_time_keys: {} })
  await assert.rejects(devices(user), { status: 403 })

  // The twin: an invite is enough to have to do with one another, in both directions.
  const roomId = await b.rooms.createRoom(b.user())
  await b.invite(roomId, user)
  assert.ok(JSON.stringify(await query({ device_keys: { [user]: [] } })).includes('secret name'))
  assert.deepEqual(await claim(wanted(user)), wanted(user))
  assert.ok(await devices(user))
  const back = await b.ask(a, 'POST', '/_matrix/federation/v1/user/keys/claim', wanted(b.user()))
  assert.deepEqual(back, wanted(b.user()))
})

test('one server claims a bounded number of one-time keys an hour', async (t) => {
  const { b, user, claim } = await setUp(t)
  await b.invite(await b.rooms.createRoom(b.user()), user)
  const devices = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`DEVICE${n}`, 'signed_curve25519']))
  const body = { one_time_keys: { [user]: devices } }
  for (let keys = 0; keys < limits.keyClaimsPerHour; keys += 100) assert.deepEqual(await claim(body), body)
  await assert.rejects(claim(wanted(user)), { status: 429, errcode: 'M_LIMIT_EXCEEDED' })
})

test('sharing a room is enough, and ends with it', async (t) => {
  const { network, a, b, user, devices } = await setUp(t)
  const roomId = await a.rooms.createRoom(user)
  await b.join(roomId, [a])
  await network.settled()
  assert.ok(await devices(user))
  await b.leave(roomId)
  await network.settled()
  await assert.rejects(devices(user), { status: 403 })
})

test('bad input 28: keys and devices are answered for local users only', async (t) => {
  const { query, claim, devices } = await setUp(t)
  await assert.rejects(query({ device_keys: { '@u:c': [] } }), { status: 400 })
  await assert.rejects(query({ device_keys: [] as never }), { status: 400 })
  await assert.rejects(query({}), { status: 400 })
  await assert.rejects(claim(wanted('@u:c')), { status: 400 })
  await assert.rejects(devices('@u:c'), { status: 400 })
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`@u${index}:a`, []]))
  await assert.rejects(query({ device_keys: many }), { status: 400 })
})

test('aliases and published rooms that this server does not offer', async (t) => {
  const { a, b } = await setUp(t)
  const alias = (name: string) =>
    a.ask(b, 'GET', `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(name)}`)
  await assert.rejects(alias('#room:a'), { status: 404, errcode: 'M_NOT_FOUND' })
  await assert.rejects(alias('#room:c'), { status: 404, errcode: 'M_NOT_FOUND' })
  await assert.rejects(alias('room'), { status: 400 })
  const none = { chunk: [], total_room_count_estimate: 0 }
  assert.deepEqual(await a.ask(b, 'GET', '/_matrix/federation/v1/publicRooms'), none)
  assert.deepEqual(await a.ask(b, 'POST', '/_matrix/federation/v1/publicRooms', {}), none)
})

test('a space shows what the asker may enter, and hides the rest', async (t) => {
  const { network, a, b, user } = await setUp(t)
  const rule = (join_rule: string) => ({ type: 'm.room.join_rules', stateKey: '', content: { join_rule } })
  const open = await a.rooms.createRoom(user, '12', [
    rule('public'),
    { type: 'm.room.name', stateKey: '', content: { name: 'open' } },
  ])
  const closed = await a.rooms.createRoom(user, '12', [rule('invite')])
  const child = (stateKey: string) => ({ type: 'm.space.child', stateKey, content: { via: ['a'] } })
  const space = await a.rooms.createRoom(user, '12', [rule('public'), child(open), child(closed)])
  const hierarchy = (room: string) => a.ask(b, 'GET', `/_matrix/federation/v1/hierarchy/${encodeURIComponent(room)}`)
  const answer = await hierarchy(space)
  assert.deepEqual(
    (answer.children as JsonObject[]).map(({ room_id, name }) => [room_id, name]),
    [[open, 'open']],
  )
  assert.deepEqual(answer.inaccessible_children, [closed])
  await assert.rejects(hierarchy(closed), { status: 404 })
  await a.invite(closed, b.user())
  await b.join(closed)
  await network.settled()
  assert.equal(((await hierarchy(closed)).room as JsonObject).num_joined_members, 2, 'twin: a member is told')
})
