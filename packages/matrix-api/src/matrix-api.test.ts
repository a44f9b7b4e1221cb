import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LocalRooms } from '@starling/testkit'
import { MemoryEphemeral } from './rooms/testing/memory-ephemeral.ts'
import { expectMatchesSpec } from './testing/openapi.ts'
import type { TestBase, TestUser } from './testing/test-api.ts'
import { startWholeApi } from './testing/whole-api.ts'

/** The whole API over the real room engine, of a node that is alone. */
async function start() {
  let rooms: LocalRooms | undefined
  const here = await startWholeApi(async ({ serverName, store, clock }: TestBase) => {
    rooms = await LocalRooms.start({ serverName, store, clock })
    const { reader, positions } = rooms
    return { rooms, reader, positions, ephemeral: new MemoryEphemeral(positions, clock) }
  })
  const ok = async (method: string, path: string, as: TestUser, body?: object) => {
    const answer = await here.request(method, `/_matrix/client/v3${path}`, { as, ...(body && { body }) })
    assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  return {
    ...here,
    ok,
    async [Symbol.asyncDispose]() {
      await here[Symbol.asyncDispose]()
      await rooms?.stop()
    },
  }
}

test('a first login as Element makes it: every call answers as the spec says', async () => {
  await using here = await start()
  const as = await here.user()
  const get = (path: string) => here.request('GET', `/_matrix/client/v3${path}`, { as })
  expectMatchesSpec('getVersions', await here.request('GET', '/_matrix/client/versions'))
  expectMatchesSpec('getLoginFlows', await here.request('GET', '/_matrix/client/v3/login'))
  expectMatchesSpec('getPushRules', await get('/pushrules/'))
  expectMatchesSpec('getCapabilities', await get('/capabilities'))
  expectMatchesSpec('getProtocols', await get('/thirdparty/protocols'))
  expectMatchesSpec('getDevices', await get('/devices'))
  expectMatchesSpec('getUserProfile', await get(`/profile/${as.userId}`))
  assert.equal((await get('/room_keys/version')).status, 404)
  const sync = await get('/sync')
  expectMatchesSpec('sync', sync)
  const types = sync.body.account_data.events.map((event: { type: string }) => event.type)
  assert.deepEqual(types, ['m.push_rules'])
})

test('a changed display name reaches the member event of each joined room', async () => {
  await using here = await start()
  const as = await here.user()
  const { room_id } = await here.ok('POST', '/createRoom', as, {})
  await here.ok('PUT', `/profile/${as.userId}/displayname`, as, { displayname: 'Ada' })
  const member = await here.ok('GET', `/rooms/${room_id}/state/m.room.member/${as.userId}`, as)
  assert.deepEqual(member, { membership: 'join', displayname: 'Ada' })
})

test('a changed account datum and changed push rules come with the next sync', async () => {
  await using here = await start()
  const as = await here.user()
  const { next_batch } = await here.ok('GET', '/sync', as)
  await here.ok('PUT', `/user/${as.userId}/account_data/m.direct`, as, { '@bob:x': ['!r:x'] })
  await here.ok('PUT', '/pushrules/global/content/cake', as, { pattern: 'cake', actions: ['notify'] })
  const sync = await here.ok('GET', `/sync?since=${next_batch}`, as)
  const events = sync.account_data.events
  assert.deepEqual(events[0], { type: 'm.direct', content: { '@bob:x': ['!r:x'] } })
  assert.equal(events[1].content.global.content[0].pattern, 'cake')
})

test('a join that takes long is shown to its user as account data, and no more once it is over', async () => {
  await using here = await start()
  const as = await here.user()
  const joins = [{ room_id: '!large:x', stage: 'fetching', events: 10, total: 90_000 }]
  const before = await here.ok('GET', '/sync', as)
  await here.api.showJoins(as.userId, [])
  const none = await here.ok('GET', `/sync?since=${before.next_batch}`, as)
  assert.equal(none.account_data, undefined, 'nothing has been shown, so nothing is taken back')
  await here.api.showJoins(as.userId, joins)
  const shown = await here.ok('GET', `/sync?since=${before.next_batch}`, as)
  assert.deepEqual(shown.account_data.events, [{ type: 'org.starling.joins', content: { joins } }])
  await here.api.showJoins(as.userId, [])
  const after = await here.ok('GET', `/sync?since=${shown.next_batch}`, as)
  assert.deepEqual(after.account_data.events, [{ type: 'org.starling.joins', content: { joins: [] } }])
})

test('notifications: newest first, by pages, highlights alone, read or not; unread counts say the same', async () => {
  await using here = await start()
  const [ada, bob] = [await here.user('ada'), await here.user('bob')]
  const { room_id } = await here.ok('POST', '/createRoom', ada, { invite: [bob.userId], preset: 'private_chat' })
  await here.ok('POST', `/rooms/${room_id}/join`, bob, {})
  let txn = 0
  const say = async (as: TestUser, body: object) =>
    (await here.ok('PUT', `/rooms/${room_id}/send/m.room.message/t${txn++}`, as, { msgtype: 'm.text', ...body }))
      .event_id
  const first = await say(ada, { body: 'one' })
  await here.ok('POST', `/rooms/${room_id}/receipt/m.read/${first}`, bob, {})
  await say(bob, { body: 'my own' })
  const second = await say(ada, { body: 'two' })
  const third = await say(ada, { body: 'bob!', 'm.mentions': { user_ids: [bob.userId] } })

  const list = async (query = '') => {
    const answer = await here.request('GET', `/_matrix/client/v3/notifications${query}`, { as: bob })
    expectMatchesSpec('getNotifications', answer)
    return answer.body
  }
  const all = await list()
  const brief = ({ event, read }: { event: { event_id: string }; read: boolean }) => [event.event_id, read]
  assert.deepEqual(all.notifications.map(brief).slice(0, 3), [
    [third, false],
    [second, false],
    [first, true],
  ])
  const page = await list('?limit=1')
  assert.deepEqual(page.notifications.map(brief), [[third, false]])
  assert.deepEqual((await list(`?limit=1&from=${page.next_token}`)).notifications.map(brief), [[second, false]])
  assert.deepEqual((await list('?only=highlight')).notifications.map(brief), [[third, false]])
  const sync = await here.ok('GET', '/sync', bob)
  const counts = sync.rooms.join[room_id].unread_notifications
  assert.deepEqual(counts, { notification_count: 2, highlight_count: 1 })
})

test('rooms that two people share', async () => {
  await using here = await start()
  const [ada, bob] = [await here.user('ada'), await here.user('bob')]
  const { room_id } = await here.ok('POST', '/createRoom', ada, { preset: 'public_chat' })
  await here.ok('POST', '/createRoom', ada, {})
  await here.ok('POST', `/rooms/${room_id}/join`, bob, {})
  const mutual = (user_id: string) =>
    here.request('GET', '/_matrix/client/v1/mutual_rooms', { as: ada, query: { user_id } })
  const answer = await mutual(bob.userId)
  expectMatchesSpec('getMutualRooms', answer)
  assert.deepEqual(answer.body, { joined: [room_id], count: 1 })
  assert.equal((await mutual(ada.userId)).status, 400)
  assert.equal((await mutual('nonsense')).status, 400)
})

test('deactivation leaves the rooms and the profile behind', async () => {
  await using here = await start()
  const ada = await here.user('ada')
  const userId = await here.api.accounts.create('bob', 'pw')
  const { accessToken } = await here.api.issueToken(userId, 'test')
  const bob = { userId, deviceId: 'x', token: accessToken }
  await here.ok('PUT', `/profile/${userId}/displayname`, bob, { displayname: 'Bob' })
  const { room_id } = await here.ok('POST', '/createRoom', ada, { preset: 'public_chat' })
  await here.ok('POST', `/rooms/${room_id}/join`, bob, {})
  const auth = { type: 'm.login.password', user: 'bob', password: 'pw' }
  await here.ok('POST', '/account/deactivate', bob, { auth, erase: true })
  const member = await here.ok('GET', `/rooms/${room_id}/state/m.room.member/${userId}`, ada)
  assert.equal(member.membership, 'leave')
  assert.equal((await here.request('GET', `/_matrix/client/v3/profile/${userId}`)).status, 404)
})

test('whois: oneself and, for the owner, others', async () => {
  await using here = await start()
  const owner = await here.user()
  const userId = await here.api.accounts.create('bob', undefined)
  const { accessToken } = await here.api.issueToken(userId, 'test')
  const whois = (as: TestUser | string, of: string) =>
    here.request('GET', `/_matrix/client/v3/admin/whois/${of}`, { as })
  expectMatchesSpec('getWhoIs', await whois(accessToken, userId))
  assert.equal((await whois(owner, userId)).status, 200)
  assert.equal((await whois(accessToken, owner.userId)).status, 403)
})

test('bad input 15: an event over 64 KiB is 413 M_TOO_LARGE, by the engine or unread', async () => {
  await using here = await start()
  const as = await here.user()
  const { room_id } = await here.ok('POST', '/createRoom', as, {})
  for (const [txn, size] of [60_000, 66_000, 600_000].entries()) {
    const path = `/_matrix/client/v3/rooms/${room_id}/send/m.room.message/t${txn}`
    const answer = await here.request('PUT', path, { as, body: { msgtype: 'm.text', body: 'x'.repeat(size) } })
    if (size < 65_536) assert.equal(answer.status, 200)
    else assert.deepEqual([answer.status, answer.body.errcode], [413, 'M_TOO_LARGE'], String(size))
  }
})

test('bad input 31: no route reaches the node by what a peer would say: only HTTP requests are read', async () => {
  await using here = await start()
  const answer = await here.request('PUT', '/_matrix/federation/v1/send/1', { body: { pdus: [] } })
  assert.deepEqual([answer.status, answer.body.errcode], [404, 'M_UNRECOGNIZED'])
})
