import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountSection } from '../testing/account-section.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi } from '../testing/test-api.ts'

const REGISTER = '/_matrix/client/v3/register'

test('registration off: 403 for accounts, guests and token checks', async () => {
  await using api = await startTestApi(accountSection())
  const off = await api.request('POST', REGISTER, { body: { username: 'a', password: 'b' } })
  assert.deepEqual([off.status, off.body.errcode], [403, 'M_FORBIDDEN'])
  const guest = await api.request('POST', REGISTER, { query: { kind: 'guest' }, body: {} })
  assert.deepEqual([guest.status, guest.body.errcode], [403, 'M_GUEST_ACCESS_FORBIDDEN'])
  const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
  assert.equal((await api.request('GET', validity, { query: { token: 'x' } })).status, 403)
})

test('open registration: dummy stage, then a session; the name is taken afterwards', async () => {
  await using api = await startTestApi(accountSection({ registration: { mode: 'open' } }))
  const body = { username: 'ada', password: 'pw', device_id: 'D', initial_device_display_name: 'Desk' }
  const first = await api.request('POST', REGISTER, { body })
  expectMatchesSpec('register', first)
  assert.equal(first.status, 401)
  assert.deepEqual(first.body.flows, [{ stages: ['m.login.dummy'] }])
  assert.equal(first.body.errcode, undefined)
  const auth = { type: 'm.login.dummy', session: first.body.session }
  const done = await api.request('POST', REGISTER, { body: { ...body, auth } })
  expectMatchesSpec('register', done)
  assert.deepEqual([done.status, done.body.user_id, done.body.device_id], [200, '@ada:here.test', 'D'])
  const again = await api.request('POST', REGISTER, { body })
  assert.deepEqual([again.status, again.body.errcode], [400, 'M_USER_IN_USE'])
  const available = await api.request('GET', `${REGISTER}/available`, { query: { username: 'ada' } })
  assert.deepEqual([available.status, available.body.errcode], [400, 'M_USER_IN_USE'])
  const free = await api.request('GET', `${REGISTER}/available`, { query: { username: 'bob' } })
  expectMatchesSpec('checkUsernameAvailability', free)
  assert.deepEqual(free.body, { available: true })
})

test('user names outside the grammar are M_INVALID_USERNAME', async () => {
  await using api = await startTestApi(accountSection({ registration: { mode: 'open' } }))
  for (const username of ['Ada', 'a b', 'é', '', 'x'.repeat(250)]) {
    const answer = await api.request('POST', REGISTER, { body: { username } })
    assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_USERNAME'], username)
  }
})

test('registration by token: only the right token, at most five tries per session', async () => {
  await using api = await startTestApi(accountSection({ registration: { mode: 'token', token: 'sesame' } }))
  const begun = await api.request('POST', REGISTER, { body: { username: 'ada' } })
  const session = begun.body.session
  const attempt = (token: string) =>
    api.request('POST', REGISTER, {
      body: { username: 'ada', auth: { type: 'm.login.registration_token', token, session } },
    })
  const wrong = await attempt('wrong')
  assert.deepEqual([wrong.status, wrong.body.errcode, wrong.body.session], [401, 'M_FORBIDDEN', session])
  for (let i = 0; i < 4; i++) await attempt('wrong')
  assert.notEqual((await attempt('wrong')).body.session, session, 'the session is over')
  assert.equal((await attempt('sesame')).status, 200)
  const dummy = { type: 'm.login.dummy', session }
  assert.equal((await api.request('POST', REGISTER, { body: { username: 'eve', auth: dummy } })).status, 401)
  const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
  const valid = await api.request('GET', validity, { query: { token: 'sesame' } })
  expectMatchesSpec('registrationTokenValidity', valid)
  assert.deepEqual(valid.body, { valid: true })
  assert.deepEqual((await api.request('GET', validity, { query: { token: 'x' } })).body, { valid: false })
})

test('inhibit_login makes an account without a session', async () => {
  await using api = await startTestApi(accountSection({ registration: { mode: 'open' } }))
  const body = { username: 'ada', inhibit_login: true, auth: { type: 'm.login.dummy' } }
  const answer = await api.request('POST', REGISTER, { body })
  assert.deepEqual(answer.body, { user_id: '@ada:here.test', home_server: 'here.test' })
})

test('the registration token can be given on the fallback page; a wrong one is refused, five end the session', async () => {
  const registration = { mode: 'token', token: 'right' } as const
  await using api = await startTestApi(accountSection({ registration }))
  const FALLBACK = '/_matrix/client/v3/auth/m.login.registration_token/fallback/web'
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const attemptIn = (page: { body: string }) => /name="attempt" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const begin = async () => (await api.request('POST', REGISTER, { body: { username: 'ada' } })).body.session as string
  const page = (session: string) => api.request('GET', FALLBACK, { query: { session } })
  const press = (attempt: string, token: string) =>
    api.request('POST', FALLBACK, { headers, body: new URLSearchParams({ attempt, token }).toString() })
  const finish = (session: string) => api.request('POST', REGISTER, { body: { username: 'ada', auth: { session } } })

  const session = await begin()
  const wrong = await press(attemptIn(await page(session)), 'wrong')
  assert.deepEqual([wrong.status, (await finish(session)).status], [403, 401])
  assert.match((await press(attemptIn(wrong), ' right ')).body, /onAuthDone/)
  assert.equal((await finish(session)).body.user_id, '@ada:here.test')

  const guessed = (await api.request('POST', REGISTER, { body: { username: 'bob' } })).body.session as string
  let answer = await page(guessed)
  for (let i = 0; i < 5; i++) answer = await press(attemptIn(answer), `guess ${i}`)
  assert.equal((await press(attemptIn(answer), 'right')).status, 404, 'the session is over')
  assert.equal((await page('nonsense')).status, 404)
})
