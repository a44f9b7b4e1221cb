import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimiter } from '../http/rate-limits.ts'
import { accountDeps, accountSection } from '../testing/account-section.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi } from '../testing/test-api.ts'
import { accountEndpoints } from './account-endpoints.ts'

const LOGIN = '/_matrix/client/v3/login'
const WHOAMI = '/_matrix/client/v3/account/whoami'

test('password login by localpart, by user id, and by the older form', async () => {
  await using api = await startTestApi(accountSection())
  const userId = await api.accounts.create('ada', 'correct horse')
  for (const name of [
    { identifier: { type: 'm.id.user', user: 'ada' } },
    { identifier: { type: 'm.id.user', user: userId } },
    { user: 'ada' },
  ]) {
    const body = { type: 'm.login.password', password: 'correct horse', ...name }
    const answer = await api.request('POST', LOGIN, { body })
    expectMatchesSpec('login', answer)
    assert.equal(answer.body.user_id, userId)
    const me = await api.request('GET', WHOAMI, { as: answer.body.access_token })
    expectMatchesSpec('getTokenOwner', me)
    assert.deepEqual(me.body, { user_id: userId, device_id: answer.body.device_id, is_guest: false })
  }
})

test('a wrong password, an unknown user, another server and a third-party id are all the same 403', async () => {
  await using api = await startTestApi(accountSection())
  await api.accounts.create('ada', 'right')
  for (const identifier of [
    { type: 'm.id.user', user: 'ada' },
    { type: 'm.id.user', user: 'nobody' },
    { type: 'm.id.user', user: '@ada:elsewhere.test' },
    { type: 'm.id.thirdparty', medium: 'email', address: 'a@b.c' },
  ]) {
    const answer = await api.request('POST', LOGIN, {
      body: { type: 'm.login.password', identifier, password: 'wrong' },
    })
    assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], identifier.type)
  }
})

test('login answers malformed requests with 400', async () => {
  await using api = await startTestApi(accountSection())
  const cases: [object, string][] = [
    [{}, 'M_MISSING_PARAM'],
    [{ type: 7 }, 'M_BAD_JSON'],
    [{ type: 'constructor' }, 'M_UNKNOWN'],
    [{ type: 'm.login.password', user: 'a' }, 'M_MISSING_PARAM'],
    [{ type: 'm.login.token' }, 'M_MISSING_PARAM'],
  ]
  for (const [body, errcode] of cases) {
    const answer = await api.request('POST', LOGIN, { body: { ...body } })
    assert.deepEqual([answer.status, answer.body.errcode], [400, errcode], JSON.stringify(body))
  }
})

test('logging in again on a device makes its older token void', async () => {
  await using api = await startTestApi(accountSection())
  await api.accounts.create('ada', 'pw')
  const body = { type: 'm.login.password', user: 'ada', password: 'pw', device_id: 'PHONE' }
  const first = await api.request('POST', LOGIN, { body })
  const second = await api.request('POST', LOGIN, { body })
  assert.equal((await api.request('GET', WHOAMI, { as: first.body.access_token })).status, 401)
  assert.equal((await api.request('GET', WHOAMI, { as: second.body.access_token })).body.device_id, 'PHONE')
})

test('sessions survive a restart, and the store holds no token', async () => {
  const before = await startTestApi(accountSection())
  const user = await before.user()
  const { store } = before
  await before[Symbol.asyncDispose]()
  await using after = await startTestApi(accountSection(), { store })
  assert.equal((await after.request('GET', WHOAMI, { as: user })).status, 200)
  for await (const [key, value] of store.entries({})) {
    assert.ok(!Buffer.from(key).includes(user.token) && !Buffer.from(value).includes(user.token))
  }
})

test('refresh tokens: the old pair lives until the new one is used', async () => {
  await using api = await startTestApi(accountSection())
  await api.accounts.create('ada', 'pw')
  const body = { type: 'm.login.password', user: 'ada', password: 'pw', refresh_token: true }
  const { body: first } = await api.request('POST', LOGIN, { body })
  const refresh = (token: string) =>
    api.request('POST', '/_matrix/client/v3/refresh', { body: { refresh_token: token } })
  const status = async (token: string) => (await api.request('GET', WHOAMI, { as: token })).status

  const lost = await refresh(first.refresh_token)
  const second = await refresh(first.refresh_token)
  expectMatchesSpec('refresh', second)
  assert.equal(await status(lost.body.access_token), 401, 'an answer that never arrived is void')
  assert.equal(await status(first.access_token), 200, 'the old token still works')
  assert.equal(await status(second.body.access_token), 200)
  assert.equal(await status(first.access_token), 401, 'the new one was used')
  const reused = await refresh(first.refresh_token)
  assert.deepEqual([reused.status, reused.body.errcode], [401, 'M_UNKNOWN_TOKEN'])

  api.clock.advance(25 * 60 * 60 * 1000)
  const expired = await api.request('GET', WHOAMI, { as: second.body.access_token })
  assert.deepEqual([expired.status, expired.body.soft_logout], [401, true])
  const third = await refresh(second.body.refresh_token)
  assert.equal(await status(third.body.access_token), 200)
})

test('logout ends one device, logout/all every one', async () => {
  await using api = await startTestApi(accountSection())
  const [phone, desk, car] = [await api.user('p2p', 'A'), await api.user('p2p', 'B'), await api.user('p2p', 'C')]
  expectMatchesSpec('logout', await api.request('POST', '/_matrix/client/v3/logout', { as: phone }))
  assert.equal((await api.request('GET', WHOAMI, { as: phone })).status, 401)
  assert.equal((await api.request('GET', WHOAMI, { as: desk })).status, 200)
  expectMatchesSpec('logout_all', await api.request('POST', '/_matrix/client/v3/logout/all', { as: desk }))
  assert.equal((await api.request('GET', WHOAMI, { as: car })).status, 401)
})

test('login flows name only what can be used from where the client is', async () => {
  await using api = await startTestApi(accountSection())
  const flows = async (headers = {}) => {
    const answer = await api.request('GET', LOGIN, { headers })
    expectMatchesSpec('getLoginFlows', answer)
    return answer.body.flows.map((flow: { type: string }) => flow.type)
  }
  assert.deepEqual(await flows(), ['m.login.sso', 'm.login.token'])
  await api.accounts.create('ada', 'pw')
  assert.deepEqual(await flows(), ['m.login.sso', 'm.login.token', 'm.login.password'])
  assert.deepEqual(await flows({ 'x-forwarded-for': '192.0.2.1' }), ['m.login.token', 'm.login.password'])
})

test('bad input 19: guessing at one account is slowed down; without limits it goes on', async () => {
  const rateLimiter = createRateLimiter({ now: () => 0 }, { login: { burst: 1, perSecond: 0.1 } })
  const guess = { type: 'm.login.password', user: 'ghost', password: 'x' }
  const statuses = async (limited: boolean) => {
    const deps = limited ? { rateLimiter } : {}
    await using api = await startTestApi((base) => accountEndpoints(accountDeps(base, deps)))
    const answers = await Promise.all(Array.from({ length: 2 }, () => api.request('POST', LOGIN, { body: guess })))
    return new Set(answers.map((answer) => answer.status))
  }
  assert.deepEqual(await statuses(true), new Set([403, 429]))
  assert.deepEqual(await statuses(false), new Set([403]))
})
