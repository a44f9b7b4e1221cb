import assert from 'node:assert/strict'
import { createServer, type ServerOptions } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { RoomErrorLike } from '../testing/room-error-like.ts'
import { startTestApi, type TestApi } from '../testing/test-api.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { LOOPBACK_HOSTS } from './host-check.ts'
import { createRateLimiter } from './rate-limits.ts'
import { serverOptions } from './server-options.ts'

/** Echoes what the shell hands to a handler. */
function echoEndpoints(): Endpoint[] {
  const echo = { handle: async (call: { params: object; body: object; query: object }) => seen(call) } as const
  return [
    endpoint({ method: 'POST', path: '/_matrix/client/v3/echo', auth: 'token', ...echo }),
    endpoint({ method: 'POST', path: '/_matrix/client/v3/open', auth: 'none', rate: 'login', ...echo }),
    endpoint({ method: 'PUT', path: '/_matrix/client/v3/event/{eventType}', auth: 'token', body: 'event', ...echo }),
    endpoint({ method: 'GET', path: '/_matrix/client/v3/state/{type}/{stateKey}', auth: 'none', ...echo }),
    endpoint({ method: 'GET', path: '/_matrix/client/v3/rules/', auth: 'none', ...echo }),
    endpoint({ method: 'GET', path: '/_matrix/client/v3/things/{id}', auth: 'none', ...echo }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/boom',
      auth: 'none',
      handle: async () => {
        throw new Error('secret content')
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/room-error',
      auth: 'none',
      handle: async () => {
        throw new RoomErrorLike('forbidden', 'You may not')
      },
    }),
  ]
}

async function seen({ params, body, query }: { params: object; body: object; query: object }) {
  return { params: { ...params }, body, query: { ...query } }
}

/** Answers everything with its path, with these options and nothing else. */
async function startBare(options: ServerOptions) {
  const server = createServer(options, (request, response) => response.end(request.url))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

/** Sends bytes as they are and returns all that comes back. */
function raw(api: Pick<TestApi, 'port'>, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(api.port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer)).on('error', reject)
  })
}

const ECHO = '/_matrix/client/v3/echo'

test('bad input 1: truncated JSON is M_NOT_JSON', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  const answer = await api.request('POST', ECHO, { as, body: '{"a":' })
  assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_NOT_JSON'])
})

test('bad input 2: bad UTF-8 and lone surrogates are 400', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  const badUtf8 = await api.request('POST', ECHO, { as, body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) })
  assert.deepEqual([badUtf8.status, badUtf8.body.errcode], [400, 'M_NOT_JSON'])
  const surrogate = await api.request('POST', ECHO, { as, body: '{"a":"\\ud800"}' })
  assert.deepEqual([surrogate.status, surrogate.body.errcode], [400, 'M_BAD_JSON'])
})

test('bad input 3: numbers that events may not have are M_BAD_JSON in event bodies only', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  for (const number of ['1.5', '-0', '1e3', '9007199254740992', '-9007199254740992']) {
    const answer = await api.request('PUT', '/_matrix/client/v3/event/m.x', { as, body: `{"a":${number}}` })
    assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_BAD_JSON'], number)
  }
  assert.equal((await api.request('PUT', '/_matrix/client/v3/event/m.x', { as, body: '{"a":-7}' })).status, 200)
  assert.deepEqual((await api.request('POST', ECHO, { as, body: '{"order":0.25}' })).body.body, { order: 0.25 })
})

test('bad input 4: duplicate keys are refused', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  const answer = await api.request('POST', ECHO, { as, body: '{"a":1,"a":2}' })
  assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_BAD_JSON'])
})

test('bad input 5: __proto__ and constructor are inert data', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  const answer = await api.request('POST', ECHO, { as, body: '{"__proto__":{"admin":true},"constructor":1}' })
  assert.equal(answer.status, 200)
  assert.deepEqual(Object.keys(answer.body.body).sort(), ['__proto__', 'constructor'])
  assert.equal(({} as { admin?: boolean }).admin, undefined)
  const query = await api.request('POST', `${ECHO}?__proto__=x`, { as, body: {} })
  assert.equal(query.status, 200)
})

test('bad input 6: 5,000-deep nesting is 400', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  const body = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`
  assert.equal((await api.request('POST', ECHO, { as, body })).status, 400)
})

test('bad input 7: an oversize body is 413 without being read', async () => {
  await using api = await startTestApi(echoEndpoints)
  const { token } = await api.user()
  const head = `POST ${ECHO} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 99999999\r\n\r\n`
  const answer = await raw(api, head)
  assert.match(answer, /^HTTP\/1\.1 413 /)
  assert.match(answer, /M_TOO_LARGE/)
  assert.match(answer, /Access-Control-Allow-Origin: \*/i)
})

test('bad input 7: a chunked body is cut at the limit, and an anonymous one earlier', async () => {
  await using api = await startTestApi(echoEndpoints)
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
  const head = 'POST /_matrix/client/v3/open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'
  assert.match(await raw(api, head + chunk + chunk), /^HTTP\/1\.1 413 /)
  const as = await api.user()
  const body = { text: 'x'.repeat(200_000) }
  assert.equal((await api.request('POST', ECHO, { as, body })).status, 200)
  assert.equal((await api.request('POST', '/_matrix/client/v3/open', { body })).status, 413)
})

test('bad input 8: a gzip bomb is 413, an honest compressed body is read', async () => {
  await using api = await startTestApi(echoEndpoints)
  const as = await api.user()
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
  assert.ok(bomb.length < 100_000, 'the bomb passes the limit on what is sent')
  const answer = await api.request('POST', ECHO, { as, body: bomb, headers: { 'content-encoding': 'gzip' } })
  assert.deepEqual([answer.status, answer.body.errcode], [413, 'M_TOO_LARGE'])
  const honest = { as, body: gzipSync('{"a":1}'), headers: { 'content-encoding': 'gzip' } }
  assert.deepEqual((await api.request('POST', ECHO, honest)).body.body, { a: 1 })
  const brotli = { as, body: brotliCompressSync('{"a":1}'), headers: { 'content-encoding': 'br' } }
  assert.deepEqual((await api.request('POST', ECHO, brotli)).body.body, { a: 1 })
  const broken = { as, body: 'no gzip', headers: { 'content-encoding': 'gzip' } }
  assert.equal((await api.request('POST', ECHO, broken)).status, 400)
})

test('bad input 9: NUL and path traversal in any path part are 400; an encoded slash is data', async () => {
  await using api = await startTestApi(echoEndpoints)
  for (const id of ['%00', 'a%00b', '..%2f..%2fetc', '..', '%2e%2e%5cx', '%ff', '%E0%A4']) {
    const answer = await raw(
      api,
      `GET /_matrix/client/v3/things/${id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 /, id)
  }
  const slash = await api.request('GET', '/_matrix/client/v3/things/%24ab%2Fc..d')
  assert.equal(slash.body.params.id, '$ab/c..d')
})

test('bad input 10: huge headers are 431', async () => {
  const request = `GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\nConnection: close\r\n\r\n`
  await using api = await startTestApi(echoEndpoints)
  assert.match(await raw(api, request), /^HTTP\/1\.1 431 /)
  await using open = await startBare({ ...serverOptions, maxHeaderSize: 1024 * 1024 })
  assert.match(await raw(open, request), /^HTTP\/1\.1 200 /, 'the twin: read to their end')
})

test('bad input 11: unknown routes are 404, wrong methods 405, both M_UNRECOGNIZED with CORS', async () => {
  await using api = await startTestApi(echoEndpoints)
  const unknown = await api.request('GET', '/_matrix/client/v3/nothing')
  assert.deepEqual([unknown.status, unknown.body.errcode], [404, 'M_UNRECOGNIZED'])
  assert.equal(unknown.headers.get('access-control-allow-origin'), '*')
  const wrong = await api.request('DELETE', ECHO)
  assert.deepEqual([wrong.status, wrong.body.errcode], [405, 'M_UNRECOGNIZED'])
  assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS')
})

test('bad input 12: Content-Length with Transfer-Encoding closes the connection', async () => {
  await using api = await startTestApi(echoEndpoints)
  const smuggled = 'GET /_matrix/client/v3/things/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const answer = await raw(
    api,
    `POST ${ECHO} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  )
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.doesNotMatch(answer, /smuggled/)
  await using lenient = await startBare({ ...serverOptions, insecureHTTPParser: true })
  const twin = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
  assert.match(await raw(lenient, twin), /smuggled/, 'the twin: what one side takes for a body is a request of its own')
})

test('bad input 13: missing, unknown and revoked tokens are 401 with their errcodes', async () => {
  await using api = await startTestApi(echoEndpoints)
  const user = await api.user()
  const missing = await api.request('POST', ECHO, { body: {} })
  assert.deepEqual([missing.status, missing.body.errcode], [401, 'M_MISSING_TOKEN'])
  const unknown = await api.request('POST', ECHO, { as: 'nonsense', body: {} })
  assert.deepEqual([unknown.status, unknown.body.errcode], [401, 'M_UNKNOWN_TOKEN'])
  assert.equal((await api.request('POST', ECHO, { as: user, body: {} })).status, 200)
  assert.equal((await api.request('POST', `${ECHO}?access_token=${user.token}`, { body: {} })).status, 200)
  await api.sessions.revokeDevice(user.userId, user.deviceId)
  const revoked = await api.request('POST', ECHO, { as: user, body: {} })
  assert.deepEqual(
    [revoked.status, revoked.body],
    [401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Unknown access token', soft_logout: false }],
  )
})

test('bad input 19: a login flood is 429 with retry_after_ms and Retry-After; without limits it goes through', async () => {
  const flood = async (api: TestApi) => {
    const answers = await Promise.all(
      Array.from({ length: 15 }, () => api.request('POST', '/_matrix/client/v3/open', { body: {} })),
    )
    return answers.filter((answer) => answer.status === 429)
  }
  await using limited = await startTestApi(echoEndpoints, { rateLimiter: createRateLimiter({ now: () => 0 }) })
  const refused = await flood(limited)
  assert.equal(refused.length, 5)
  assert.equal(refused[0]?.body.errcode, 'M_LIMIT_EXCEEDED')
  assert.equal(refused[0]?.body.retry_after_ms, 5000)
  assert.equal(refused[0]?.headers.get('retry-after'), '5')
  await using open = await startTestApi(echoEndpoints)
  assert.equal((await flood(open)).length, 0)
})

test('bad input 22: a foreign Host on a loopback listener is 403; without the check it is served', async () => {
  const ask = (api: TestApi, host: string) =>
    raw(api, `GET /_matrix/client/v3/things/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  await using checked = await startTestApi(echoEndpoints, { allowedHosts: LOOPBACK_HOSTS })
  assert.match(await ask(checked, 'evil.example'), /^HTTP\/1\.1 403 /)
  assert.match(await ask(checked, `evil.example:${checked.port}`), /^HTTP\/1\.1 403 /)
  for (const host of ['localhost', `127.0.0.1:${checked.port}`, '[::1]:8008', 'LOCALHOST:1']) {
    assert.match(await ask(checked, host), /^HTTP\/1\.1 200 /, host)
  }
  await using unchecked = await startTestApi(echoEndpoints)
  assert.match(await ask(unchecked, 'evil.example'), /^HTTP\/1\.1 200 /)
})

test('what is refused before any route is a Matrix error that a page can read', async () => {
  await using api = await startTestApi(echoEndpoints, { allowedHosts: LOOPBACK_HOSTS })
  const path = '/_matrix/client/v3/things/x'
  const refused: Readonly<Record<string, string>> = {
    [`GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`]: '400',
    [`GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`]: '403',
    [`GET ${path} HTTP/1.1\r\nHost: localhost\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n`]: '417',
    [`GET ${path} HTTP/1.1\r\nHost: localhost\r\nX Y: z\r\n\r\n`]: '400',
    [`GET ${path} HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`]: '431',
  }
  for (const [request, status] of Object.entries(refused)) {
    const answer = await raw(api, request)
    assert.equal(answer.split(' ')[1], status, request.slice(0, 100))
    assert.match(answer, /^access-control-allow-origin: \*\r$/im, status)
    assert.match(answer, /^content-type: application\/json\r$/im, status)
    assert.match(answer, /\{"errcode":"M_\w+","error":"[^"]+"\}/, status)
  }
})

test('a preflight is answered for any path, without running the endpoint', async () => {
  await using api = await startTestApi(echoEndpoints)
  const answer = await api.request('OPTIONS', ECHO, { headers: { origin: 'http://localhost:8009' } })
  assert.equal(answer.status, 204)
  assert.equal(answer.headers.get('access-control-allow-headers'), 'X-Requested-With, Content-Type, Authorization')
  assert.equal(answer.headers.get('access-control-allow-methods'), 'GET, POST, PUT, DELETE, OPTIONS')
})

test('paths: /r0 twins, stray trailing slashes, empty state keys', async () => {
  await using api = await startTestApi(echoEndpoints)
  for (const path of [
    '/_matrix/client/r0/things/x',
    '/_matrix/client/v3/things/x/',
    '/_matrix/client/v3/rules',
    '/_matrix/client/v3/rules/',
    '/_matrix/client/v3/state/m.room.name/',
  ]) {
    if (path.endsWith('rules')) assert.equal((await api.request('GET', path)).status, 200, path)
    assert.equal((await api.request('GET', path)).status, 200, path)
  }
  assert.equal((await api.request('GET', '/_matrix/client/v3/things/')).status, 404)
  assert.equal((await api.request('GET', '/_matrix/client/v3/state/m.room.name/')).body.params.stateKey, '')
})

test('an unexpected error is 500 M_UNKNOWN and its reason stays in the log', async () => {
  await using api = await startTestApi(echoEndpoints)
  const answer = await api.request('GET', '/_matrix/client/v3/boom')
  assert.deepEqual(answer.body, { errcode: 'M_UNKNOWN', error: 'Internal error' })
  assert.equal(api.logger.lines.filter((line) => line.level === 'error').length, 1)
})

test('a RoomError becomes its Matrix error', async () => {
  await using api = await startTestApi(echoEndpoints)
  const answer = await api.request('GET', '/_matrix/client/v3/room-error')
  assert.deepEqual([answer.status, answer.body], [403, { errcode: 'M_FORBIDDEN', error: 'You may not' }])
})

test('each answered request is recorded by its pattern', async () => {
  const records: { method: string; route: string; status: number }[] = []
  {
    await using api = await startTestApi(echoEndpoints, { onRequest: (record) => records.push(record) })
    await api.request('GET', '/_matrix/client/v3/things/secret-id')
    await api.request('GET', '/elsewhere')
  }
  assert.deepEqual(
    records.map(({ method, route, status }) => [method, route, status]),
    [
      ['GET', '/_matrix/client/v3/things/{id}', 200],
      ['GET', 'unknown', 404],
    ],
  )
})
