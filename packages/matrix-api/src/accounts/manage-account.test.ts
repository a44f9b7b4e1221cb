import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountSection } from '../testing/account-section.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi, type TestApi, type TestUser } from '../testing/test-api.ts'

const PASSWORD = '/_matrix/client/v3/account/password'
const DEACTIVATE = '/_matrix/client/v3/account/deactivate'
const WHOAMI = '/_matrix/client/v3/account/whoami'

async function registered(api: TestApi, localpart: string, password: string): Promise<TestUser> {
  const userId = await api.accounts.create(localpart, password)
  const { accessToken } = await api.sessions.create(userId, 'D1')
  return { userId, deviceId: 'D1', token: accessToken }
}

test('a password change asks for the old one and ends the other sessions', async () => {
  await using api = await startTestApi(accountSection())
  const ada = await registered(api, 'ada', 'old')
  const { accessToken: other } = await api.sessions.create(ada.userId, 'D2')
  const ask = await api.request('POST', PASSWORD, { as: ada, body: { new_password: 'new' } })
  expectMatchesSpec('changePassword', ask)
  assert.deepEqual([ask.status, ask.body.flows], [401, [{ stages: ['m.login.password'] }]])
  const auth = (password: string, user = 'ada') => ({
    type: 'm.login.password',
    session: ask.body.session,
    identifier: { type: 'm.id.user', user },
    password,
  })
  const send = (fields: object) => api.request('POST', PASSWORD, { as: ada, body: { new_password: 'new', ...fields } })
  assert.equal((await send({ auth: auth('wrong') })).body.errcode, 'M_FORBIDDEN')
  await api.accounts.create('bob', 'old')
  assert.equal((await send({ auth: auth('old', 'bob') })).status, 401, "another user's password is none")
  const done = await send({ auth: auth('old') })
  expectMatchesSpec('changePassword', done)
  assert.equal(done.status, 200)
  assert.equal(await api.accounts.passwordIs(ada.userId, 'new'), true)
  assert.equal((await api.request('GET', WHOAMI, { as: ada })).status, 200)
  assert.equal((await api.request('GET', WHOAMI, { as: other })).status, 401)
})

test('a UIA session is valid for its operation and its user only, and once', async () => {
  await using api = await startTestApi(accountSection())
  const ada = await registered(api, 'ada', 'pw')
  const ask = await api.request('POST', PASSWORD, { as: ada, body: { new_password: 'pw' } })
  const auth = { type: 'm.login.password', session: ask.body.session, user: 'ada', password: 'pw' }
  const elsewhere = await api.request('POST', DEACTIVATE, { as: ada, body: { auth: { session: ask.body.session } } })
  assert.equal(elsewhere.status, 401)
  assert.notEqual(elsewhere.body.session, ask.body.session)
  const body = { new_password: 'pw', logout_devices: false, auth }
  assert.equal((await api.request('POST', PASSWORD, { as: ada, body })).status, 200)
  const replay = { ...body, auth: { session: ask.body.session } }
  assert.equal((await api.request('POST', PASSWORD, { as: ada, body: replay })).status, 401)
})

test('deactivation ends account, sessions and name; the owner cannot be deactivated', async () => {
  const farewells: unknown[] = []
  const farewell = async (...args: unknown[]) => void farewells.push(args)
  await using api = await startTestApi(accountSection({ farewell }))
  const ada = await registered(api, 'ada', 'pw')
  const auth = { type: 'm.login.password', user: 'ada', password: 'pw' }
  const done = await api.request('POST', DEACTIVATE, { as: ada, body: { auth, erase: true } })
  expectMatchesSpec('deactivateAccount', done)
  assert.deepEqual([done.status, done.body], [200, { id_server_unbind_result: 'success' }])
  assert.deepEqual(farewells, [[ada.userId, { erase: true }]])
  assert.equal((await api.request('GET', WHOAMI, { as: ada })).status, 401)
  assert.equal(await api.accounts.passwordIs(ada.userId, 'pw'), false)
  await assert.rejects(api.accounts.create('ada', 'x'), { errcode: 'M_USER_IN_USE' })
  const owner = await api.user()
  assert.equal((await api.request('POST', DEACTIVATE, { as: owner, body: {} })).status, 403)
})

test('an account without a password asks from elsewhere for what it cannot give: 403', async () => {
  await using api = await startTestApi(accountSection())
  const owner = await api.user()
  const request = { as: owner, body: { new_password: 'x' }, headers: { 'x-forwarded-for': '192.0.2.9' } }
  assert.equal((await api.request('POST', PASSWORD, request)).status, 403)
})

test('third-party ids: an empty list and the refusals of the spec', async () => {
  await using api = await startTestApi(accountSection())
  const as = await api.user()
  const list = await api.request('GET', '/_matrix/client/v3/account/3pid', { as })
  expectMatchesSpec('getAccount3PIDs', list)
  assert.deepEqual(list.body, { threepids: [] })
  for (const path of ['account/3pid/add', 'account/3pid/bind', 'register/email/requestToken']) {
    const answer = await api.request('POST', `/_matrix/client/v3/${path}`, { as, body: {} })
    assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_THREEPID_DENIED'], path)
  }
})
