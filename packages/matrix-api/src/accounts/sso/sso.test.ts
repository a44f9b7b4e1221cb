import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimiter } from '../../http/rate-limits.ts'
import { accountSection } from '../../testing/account-section.ts'
import { ManualClock, startTestApi, type TestAnswer, type TestApi } from '../../testing/test-api.ts'
import { startWholeApi } from '../../testing/whole-api.ts'

const REDIRECT = '/_matrix/client/v3/login/sso/redirect'
const ELEMENT = 'http://127.0.0.1:8009/?x=1#/home'
const EVIL = 'https://evil.example/cb'

function open(api: TestApi, redirectUrl: string, headers = {}): Promise<TestAnswer> {
  return api.request('GET', REDIRECT, { query: { redirectUrl }, headers })
}

function fieldsOf(page: TestAnswer): Record<string, string> {
  const fields = String(page.body).matchAll(/name="(\w+)" value="([^"]*)"/g)
  return Object.fromEntries([...fields].map(([, name, value]) => [name, value]))
}

function press(api: TestApi, fields: Record<string, string>, headers = {}): Promise<TestAnswer> {
  return api.request('POST', REDIRECT, {
    body: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
}

test('login on this device: one button leads back with a token that logs in once', async () => {
  await using api = await startTestApi(accountSection())
  const { userId } = await api.user()
  const page = await open(api, ELEMENT)
  assert.equal(page.status, 200)
  assert.doesNotMatch(page.body, /class="warning"/)
  const back = await press(api, fieldsOf(page), { origin: api.url, 'sec-fetch-site': 'same-origin' })
  assert.equal(back.status, 303)
  const location = new URL(back.headers.get('location') ?? '')
  assert.equal(location.origin + location.hash, 'http://127.0.0.1:8009#/home')
  assert.equal(location.searchParams.get('x'), '1')
  const token = location.searchParams.get('loginToken') ?? ''
  const login = () => api.request('POST', '/_matrix/client/v3/login', { body: { type: 'm.login.token', token } })
  assert.equal((await login()).body.user_id, userId)
  const twice = await login()
  assert.deepEqual([twice.status, twice.body.errcode], [403, 'M_FORBIDDEN'])
})

test('the owner is asked for a name at the first login, and never again; it may be left empty', async () => {
  let name: string | undefined
  const names: string[] = []
  const ownerName = {
    get: async () => name,
    set: async (_owner: string, given: string) => {
      name = given
      names.push(given)
    },
  }
  await using api = await startTestApi(accountSection({ ownerName }))
  await api.user()
  const asks = async () => /<input name="name" maxlength="100"/.test((await open(api, ELEMENT)).body)
  assert.equal(await asks(), true)
  const log = async (given: string) => press(api, { ...fieldsOf(await open(api, ELEMENT)), name: given })
  for (const nothing of ['', '   ']) assert.equal((await log(nothing)).status, 303)
  assert.equal(names.length, 0)
  assert.equal((await log(`  Ada \n Lovelace ${'x'.repeat(200)}`)).status, 303)
  assert.equal(names[0]?.startsWith('Ada Lovelace xxx'), true)
  assert.equal(names[0]?.length, 100)
  assert.equal(await asks(), false)
  await log('Somebody else')
  assert.equal(names.length, 1)
})

test('the name given at login is the display name, in a whole node', async () => {
  await using here = await startWholeApi()
  const owner = await here.user()
  const page = await here.request('GET', REDIRECT, { query: { redirectUrl: EVIL } })
  const body = new URLSearchParams({ ...fieldsOf(page), name: 'Ada' }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await here.request('POST', REDIRECT, { body, headers })).status, 303)
  const profile = await here.request('GET', `/_matrix/client/v3/profile/${owner.userId}`)
  assert.equal(profile.body.displayname, 'Ada')
})

test('bad input 19: too many logins are a page that says how long to wait, not JSON', async () => {
  const clock = new ManualClock()
  const rateLimiter = createRateLimiter(clock)
  await using api = await startTestApi(accountSection(), { rateLimiter })
  await api.user()
  let answer = await open(api, ELEMENT)
  for (let i = 0; i < 60 && answer.status === 200; i++) answer = await open(api, ELEMENT)
  assert.equal(answer.status, 429)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(answer.body, /Wait \d+ second/)
  assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/)
  assert.equal(answer.headers.get('access-control-allow-origin'), null)
})

test('login tokens are short-lived', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const back = await press(api, fieldsOf(await open(api, ELEMENT)))
  const token = new URL(back.headers.get('location') ?? '').searchParams.get('loginToken') ?? ''
  api.clock.advance(31_000)
  assert.equal(
    (await api.request('POST', '/_matrix/client/v3/login', { body: { type: 'm.login.token', token } })).status,
    403,
  )
})

test('bad input 32: a foreign origin is named and asked about, and gets no token without a yes', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const page = await open(api, EVIL)
  assert.equal(page.headers.get('location'), null)
  assert.match(page.body, /class="warning">https:&#47;&#47;evil\.example|class="warning">https:\/\/evil\.example/)
  const { attempt = '' } = fieldsOf(page)
  const silent = await press(api, { attempt })
  assert.deepEqual([silent.status, silent.headers.get('location')], [403, null])
  const yes = await press(api, fieldsOf(await open(api, EVIL)))
  assert.match(yes.headers.get('location') ?? '', /^https:\/\/evil\.example\/cb\?loginToken=/)
})

test('bad input 32, twin: were the origin trusted, the same requests would give it a token unasked', async () => {
  await using api = await startTestApi(accountSection({ trustedOrigins: () => ['https://evil.example'] }))
  await api.user()
  const { attempt = '' } = fieldsOf(await open(api, EVIL))
  assert.match((await press(api, { attempt })).headers.get('location') ?? '', /evil\.example\/cb\?loginToken=/)
})

test('a look-alike of a trusted origin is foreign', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  for (const url of ['http://127.0.0.1.evil.example:8009/', 'http://127.0.0.1:8010/', 'https://127.0.0.1:8009/']) {
    assert.match((await open(api, url)).body, /class="warning"/, url)
  }
})

test('addresses that lead nowhere or hide where they lead are refused', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const user = 'http://127.0.0.1:8009@evil.example/'
  for (const url of ['javascript:alert(1)', 'data:text/html,x', 'nonsense', '', 'file:///etc/passwd', user]) {
    assert.equal((await open(api, url)).status, 400, url)
  }
  assert.match((await open(api, 'element://login')).body, /the app that opens element: links/)
})

test('the button cannot be pressed by another site: no secret, another origin, a used secret', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  assert.equal((await press(api, { attempt: 'guess' })).status, 403)
  const foreign = await press(api, fieldsOf(await open(api, ELEMENT)), { origin: 'https://evil.example' })
  assert.equal(foreign.status, 403)
  const cross = await press(api, fieldsOf(await open(api, ELEMENT)), { 'sec-fetch-site': 'cross-site' })
  assert.equal(cross.status, 403)
  const fields = fieldsOf(await open(api, ELEMENT))
  assert.equal((await press(api, fields)).status, 303)
  assert.equal((await press(api, fields)).status, 403)
})

test('the page can be neither read nor framed by other sites', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const page = await open(api, ELEMENT)
  assert.equal(page.headers.get('access-control-allow-origin'), null)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
  assert.equal(page.headers.get('x-frame-options'), 'DENY')
})

test('markup in an address stays text', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const page = await open(api, 'x-evil:"><script>alert(1)</script>')
  assert.doesNotMatch(page.body, /<script>/)
})

test('the page opens on the device only; other identity providers are 404', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  assert.equal((await open(api, ELEMENT, { 'x-forwarded-for': '192.0.2.1' })).status, 403)
  const path = (idp: string) => `${REDIRECT}/${idp}?redirectUrl=${encodeURIComponent(ELEMENT)}`
  assert.equal((await api.request('GET', path('this-device'))).status, 200)
  assert.equal((await api.request('GET', path('github'))).status, 404)
})

test('the owner without a password confirms an operation on the page', async () => {
  await using api = await startTestApi(accountSection())
  const as = await api.user()
  const change = (auth?: object) =>
    api.request('POST', '/_matrix/client/v3/account/password', {
      as,
      body: { new_password: 'x', ...(auth && { auth }) },
    })
  const ask = await change()
  assert.deepEqual(ask.body.flows, [{ stages: ['m.login.sso'] }])
  const { session } = ask.body
  assert.equal((await change({ session })).status, 401, 'not confirmed yet')
  assert.equal((await change({ type: 'm.login.sso', session })).status, 401, 'a client cannot say yes itself')
  const fallback = '/_matrix/client/v3/auth/m.login.sso/fallback/web'
  const page = await api.request('GET', fallback, { query: { session } })
  assert.match(page.body, /change the password/)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams(fieldsOf(page)).toString()
  const done = await api.request('POST', fallback, { body, headers })
  assert.match(done.body, /onAuthDone/)
  assert.equal((await change({ session })).status, 200)
  assert.equal(await api.accounts.passwordIs(as.userId, 'x'), true)
})

test('the page confirms nothing for others than the owner, or for sessions that are not there', async () => {
  await using api = await startTestApi(accountSection())
  await api.user()
  const userId = await api.accounts.create('ada', 'pw')
  const { accessToken } = await api.sessions.create(userId, 'D')
  const ask = await api.request('POST', '/_matrix/client/v3/account/password', {
    as: accessToken,
    body: { new_password: 'x' },
  })
  const fallback = '/_matrix/client/v3/auth/m.login.sso/fallback/web'
  const status = async (session: string) => (await api.request('GET', fallback, { query: { session } })).status
  assert.equal(await status(ask.body.session), 403)
  assert.equal(await status('nonsense'), 404)
})
