import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '@starling/protocol'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi, type TestBase, type TestUser, testBase } from '../testing/test-api.ts'
import { accountDataEndpoints } from './account-data-endpoints.ts'
import { AccountDataStore } from './account-data-store.ts'

const ROOM = '!room:here.test' as RoomId

async function start() {
  let accountData: AccountDataStore | undefined
  const api = await startTestApi((base: TestBase) => {
    accountData = new AccountDataStore(base, { 'm.push_rules': async () => ({ global: {} }) })
    return accountDataEndpoints({ accountData })
  })
  return { ...api, accountData: accountData as unknown as AccountDataStore }
}

const globalPath = (user: TestUser, type: string) => `/_matrix/client/v3/user/${user.userId}/account_data/${type}`
const roomPath = (user: TestUser, type: string) =>
  `/_matrix/client/v3/user/${user.userId}/rooms/${encodeURIComponent(ROOM)}/account_data/${type}`

test('account data is kept globally and per room, one apart from the other', async () => {
  await using api = await start()
  const as = await api.user()
  expectMatchesSpec('setAccountData', await api.request('PUT', globalPath(as, 'm.direct'), { as, body: { a: 1 } }))
  expectMatchesSpec(
    'setAccountDataPerRoom',
    await api.request('PUT', roomPath(as, 'm.direct'), { as, body: { b: 0.5 } }),
  )
  assert.deepEqual((await api.request('GET', globalPath(as, 'm.direct'), { as })).body, { a: 1 })
  assert.deepEqual((await api.request('GET', roomPath(as, 'm.direct'), { as })).body, { b: 0.5 })
  const none = await api.request('GET', globalPath(as, 'm.other'), { as })
  assert.deepEqual([none.status, none.body.errcode], [404, 'M_NOT_FOUND'])
})

test("bad input 28: another user's account data is 403", async () => {
  await using api = await start()
  const [ada, eve] = [await api.user('ada'), await api.user('eve')]
  await api.request('PUT', globalPath(ada, 'm.direct'), { as: ada, body: { secret: true } })
  for (const path of [globalPath(ada, 'm.direct'), roomPath(ada, 'm.direct')]) {
    for (const method of ['GET', 'PUT']) {
      const answer = await api.request(method, path, { as: eve, ...(method === 'PUT' && { body: {} }) })
      assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], `${method} ${path}`)
    }
  }
})

test('what the server manages cannot be set: 405 M_BAD_JSON', async () => {
  await using api = await start()
  const as = await api.user()
  for (const path of [globalPath(as, 'm.push_rules'), roomPath(as, 'm.fully_read')]) {
    const answer = await api.request('PUT', path, { as, body: {} })
    expectMatchesSpec('setAccountData', answer)
    assert.deepEqual([answer.status, answer.body.errcode], [405, 'M_BAD_JSON'])
  }
})

test('changes: the newest of each datum once, in order, within the window', async () => {
  await using api = await start()
  const { userId } = await api.user()
  const { accountData, positions } = api
  await accountData.put(userId, undefined, 'a', { n: 1 })
  await accountData.put(userId, ROOM, 'a', { n: 2 })
  const between = positions.current()
  await accountData.put(userId, undefined, 'a', { n: 3 })
  const all = await accountData.changes(userId, 0, positions.current())
  assert.deepEqual(
    all.map(({ roomId, type, content }) => [roomId, type, content]),
    [
      [undefined, 'm.push_rules', { global: {} }],
      [ROOM, 'a', { n: 2 }],
      [undefined, 'a', { n: 3 }],
    ],
  )
  const later = await accountData.changes(userId, between, positions.current())
  assert.deepEqual(
    later.map(({ content }) => content),
    [{ n: 3 }],
  )
  assert.deepEqual(await accountData.changes(userId, positions.current(), positions.current()), [])
})

test('a write wakes the user, and only after it is there', async () => {
  await using api = await start()
  const { userId } = await api.user()
  const since = api.positions.current()
  const woken = api.positions.wait(since, (affected) => affected.users?.includes(userId) ?? false, { timeoutMs: 5000 })
  await api.accountData.put(userId, undefined, 'a', {})
  assert.equal(await woken, true)
})

test('tags: set, listed, removed; order between 0 and 1', async () => {
  await using api = await start()
  const as = await api.user()
  const tags = `/_matrix/client/v3/user/${as.userId}/rooms/${encodeURIComponent(ROOM)}/tags`
  expectMatchesSpec('setRoomTag', await api.request('PUT', `${tags}/m.favourite`, { as, body: { order: 0.25 } }))
  await api.request('PUT', `${tags}/__proto__`, { as, body: {} })
  const list = await api.request('GET', tags, { as })
  expectMatchesSpec('getRoomTags', list)
  assert.equal(JSON.stringify(list.body), '{"tags":{"m.favourite":{"order":0.25},"__proto__":{}}}')
  expectMatchesSpec('deleteRoomTag', await api.request('DELETE', `${tags}/m.favourite`, { as }))
  assert.deepEqual(Object.keys((await api.request('GET', tags, { as })).body.tags), ['__proto__'])
  for (const [order, status] of [
    [2, 400],
    ['x', 400],
    [-0.1, 400],
    [1, 200],
  ] as const) {
    assert.equal((await api.request('PUT', `${tags}/u.x`, { as, body: { order } })).status, status)
  }
})

test('all of a user’s data is bounded: new types and growth are 413, less is taken, others are not touched', async () => {
  const base = testBase()
  const limits = { types: 3, length: 200 }
  const store = () => new AccountDataStore(base, {}, limits)
  const accountData = store()
  const [ada, bob] = ['@ada:here.test', '@bob:here.test'] as UserId[] as [UserId, UserId]
  const set = (user: UserId, type: string, text: string, data = accountData) =>
    data.update(user, undefined, type, () => ({ text }), [], { bounded: true })
  const refused = { status: 413, errcode: 'M_TOO_LARGE' }
  for (const type of ['a', 'b', 'c']) await set(ada, type, 'x')
  await assert.rejects(set(ada, 'd', 'x'), refused)
  await assert.rejects(set(ada, 'a', 'x'.repeat(200)), refused)
  await set(ada, 'a', 'x'.repeat(100))
  await assert.rejects(set(ada, 'b', 'x'.repeat(100), store()), refused, 'counted anew after a restart')
  await set(ada, 'a', '')
  await set(ada, 'b', 'x'.repeat(100))
  await set(bob, 'a', 'x')
  // What the server itself keeps there is not refused.
  await accountData.put(ada, undefined, 'm.fully_read', { event_id: '$x' })
})
