import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ServerName } from '@starling/protocol'
import type { RemoteMedia } from '../ports.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { startTestApi, type TestAnswer, type TestApi } from '../testing/test-api.ts'
import type { MediaLimits } from './local-media.ts'
import { Media } from './media.ts'
import { mediaEndpoints } from './media-endpoints.ts'

const UPLOAD = '/_matrix/media/v3/upload'
const DOWNLOAD = '/_matrix/client/v1/media/download'

interface TestMedia extends AsyncDisposable {
  readonly api: TestApi
  readonly media: Media
  readonly directory: string
  /** Media of other servers, by `server/id`. */
  readonly elsewhere: Map<string, RemoteMedia>
  /** Requests made to other servers. */
  readonly asked: string[]
  fetch(path: string, headers?: Record<string, string>): Promise<{ status: number; headers: Headers; bytes: Buffer }>
}

async function startMedia(limits: Partial<MediaLimits> = {}): Promise<TestMedia> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-media-'))
  const elsewhere = new Map<string, RemoteMedia>()
  const asked: string[] = []
  let made: Media | undefined
  const api = await startTestApi(async (base) => {
    made = new Media({
      ...base,
      directory,
      limits,
      remote: {
        media: async (server, mediaId) => {
          asked.push(`${server}/${mediaId}`)
          return elsewhere.get(`${server}/${mediaId}`)
        },
      },
    })
    await made.start()
    return mediaEndpoints({ media: made, previews: undefined })
  })
  if (!made) throw new Error('the endpoints were not made')
  return {
    api,
    media: made,
    directory,
    elsewhere,
    asked,
    async fetch(path, headers = {}) {
      const response = await fetch(api.url + path, { headers })
      return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

function remoteFile(content: Uint8Array, overrides: Partial<RemoteMedia> = {}): RemoteMedia {
  return { size: content.length, contentType: 'image/png', filename: 'far.png', bytes: chunks(content), ...overrides }
}

function idOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url')
}

/** `server/id` of the answer's `mxc://` URI. */
function mxc(answer: TestAnswer): string {
  return String(answer.body.content_uri).slice('mxc://'.length)
}

test('an upload comes back as it was, named by its hash', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const content = randomBytes(70_000)
  const answer = await here.api.request('POST', UPLOAD, {
    as: alice,
    body: content,
    query: { filename: 'Grüße "1".png' },
    headers: { 'content-type': 'image/png' },
  })
  assert.equal(answer.status, 200)
  expectMatchesSpec('uploadContent', answer)
  assert.equal(mxc(answer), `here.test/${idOf(content)}`)

  const got = await here.fetch(`${DOWNLOAD}/${mxc(answer)}`, { authorization: `Bearer ${alice.token}` })
  assert.equal(got.status, 200)
  assert.deepEqual(got.bytes, content)
  assert.equal(got.headers.get('content-type'), 'image/png')
  assert.equal(got.headers.get('content-length'), '70000')
  assert.equal(
    got.headers.get('content-disposition'),
    `inline; filename="Gr__e \\"1\\".png"; filename*=utf-8''Gr%C3%BC%C3%9Fe%20%221%22.png`,
  )
  assert.match(got.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'; script-src 'none';/)
  assert.equal(got.headers.get('x-content-type-options'), 'nosniff')
  assert.equal(got.headers.get('cross-origin-resource-policy'), 'cross-origin')
})

test('a name in the path stands in for the upload’s own', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const uploaded = await here.api.request('POST', UPLOAD, {
    as: alice,
    body: randomBytes(10),
    query: { filename: 'a.txt' },
  })
  const got = await here.fetch(`${DOWNLOAD}/${mxc(uploaded)}/b.bin`, { authorization: `Bearer ${alice.token}` })
  assert.equal(got.headers.get('content-disposition'), 'attachment; filename="b.bin"')
})

test('what a browser could run is never inline, and a forged type reaches no header', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  for (const [type, served] of [
    ['text/html', 'text/html'],
    ['image/svg+xml', 'image/svg+xml'],
    ['application/xhtml+xml', 'application/xhtml+xml'],
    ['text/html; charset=utf-8', 'text/html; charset=utf-8'],
    ['nonsense', 'application/octet-stream'],
  ] as const) {
    const uploaded = await here.api.request('POST', UPLOAD, {
      as: alice,
      body: Buffer.from(`<script>${type}</script>`),
      headers: { 'content-type': type },
    })
    const got = await here.fetch(`${DOWNLOAD}/${mxc(uploaded)}`, { authorization: `Bearer ${alice.token}` })
    assert.equal(got.headers.get('content-disposition'), 'attachment', type)
    assert.equal(got.headers.get('content-type'), served)
  }
})

test('the same content under two names has two ids and one file', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const content = randomBytes(1_000)
  const upload = (filename: string) =>
    here.api.request('POST', UPLOAD, { as: alice, body: content, query: { filename } })
  const [first, second, again] = [await upload('a.bin'), await upload('b.bin'), await upload('b.bin')]
  assert.notEqual(mxc(first), mxc(second))
  assert.equal(mxc(second), mxc(again))
  assert.ok(mxc(second).startsWith(mxc(first)), 'any holder can still verify it')
  const got = await here.fetch(`${DOWNLOAD}/${mxc(second)}`, { authorization: `Bearer ${alice.token}` })
  assert.equal(got.headers.get('content-disposition'), 'attachment; filename="b.bin"')
  assert.deepEqual(got.bytes, content)
})

test('ranges, validators and HEAD', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const uploaded = await here.api.request('POST', UPLOAD, { as: alice, body: '0123456789' })
  const path = `${DOWNLOAD}/${mxc(uploaded)}`
  const get = (headers: Record<string, string>) =>
    here.fetch(path, { authorization: `Bearer ${alice.token}`, ...headers })
  for (const [range, status, body, contentRange] of [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=8-', 206, '89', 'bytes 8-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=5-100', 206, '56789', 'bytes 5-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=1-2,4-5', 200, '0123456789', null],
    ['nonsense', 200, '0123456789', null],
  ] as const) {
    const got = await get({ range })
    assert.equal(got.status, status, range)
    assert.equal(got.bytes.toString(), body, range)
    assert.equal(got.headers.get('content-range'), contentRange, range)
  }
  const etag = (await get({})).headers.get('etag') ?? ''
  assert.equal((await get({ 'if-none-match': etag })).status, 304)
  const head = await fetch(here.api.url + path, { method: 'HEAD', headers: { authorization: `Bearer ${alice.token}` } })
  assert.equal(head.headers.get('content-length'), '10')
})

test('bad input 30: media needs a token', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const uploaded = await here.api.request('POST', UPLOAD, { as: alice, body: 'private' })
  for (const path of [
    `${DOWNLOAD}/${mxc(uploaded)}`,
    `${DOWNLOAD}/${mxc(uploaded)}/x`,
    `/_matrix/client/v1/media/thumbnail/${mxc(uploaded)}?width=1&height=1`,
    '/_matrix/client/v1/media/config',
    '/_matrix/media/v3/config',
  ]) {
    assert.equal((await here.fetch(path)).status, 401, path)
    assert.equal((await here.fetch(path, { authorization: 'Bearer forged' })).status, 401, path)
  }
  assert.equal((await here.api.request('POST', UPLOAD, { body: 'x' })).status, 401)
  // The twin: with the token it is served.
  assert.equal(
    (await here.fetch(`${DOWNLOAD}/${mxc(uploaded)}`, { authorization: `Bearer ${alice.token}` })).status,
    200,
  )
})

test('bad input 9: a media id cannot leave its folder', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  await writeFile(join(here.directory, 'secret'), 'secret')
  const raw = (path: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      // Not `fetch`, which resolves `..` before it sends.
      const request = httpRequest(here.api.url, { path, headers: { authorization: `Bearer ${alice.token}` } })
      request.on('error', reject).on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
      request.end()
    })
  for (const id of [
    '../secret',
    '..%2fsecret',
    '..%2Fsecret',
    '%2e%2e%2fsecret',
    '..%5csecret',
    'a%00b',
    'a.b',
    '%2fetc',
    '.',
  ]) {
    for (const server of ['here.test', 'there.test', '..', '127.0.0.1%2f..']) {
      const { status, text } = await raw(`${DOWNLOAD}/${server}/${id}`)
      assert.ok(status === 400 || status === 404, `${server}/${id}: ${status}`)
      assert.ok(!text.includes('secret'))
    }
  }
  assert.deepEqual(here.asked, [], 'and other servers are not asked for it')
  assert.throws(() => here.media.files.pathOf('../secret'), RangeError)
  // The twin: a path made from the id without the checks does lead out.
  assert.equal(await readFile(join(here.directory, 'files', '../secret'), 'utf8'), 'secret')
})

test('too large is 413 before it is read, and leaves nothing behind', async () => {
  await using here = await startMedia({ maxBytes: 1_000 })
  const alice = await here.api.user('alice')
  const config = await here.api.request('GET', '/_matrix/client/v1/media/config', { as: alice })
  expectMatchesSpec('getConfigAuthed', config)
  assert.deepEqual(config.body, { 'm.upload.size': 1_000 })
  const announced = await here.api.request('POST', UPLOAD, { as: alice, body: randomBytes(1_001) })
  assert.equal(announced.status, 413)
  assert.equal(announced.body.errcode, 'M_TOO_LARGE')
  const streamed = await fetch(here.api.url + UPLOAD, {
    method: 'POST',
    headers: { authorization: `Bearer ${alice.token}` },
    body: new Blob([randomBytes(2_000)]).stream(),
    duplex: 'half',
  } as RequestInit)
  assert.equal(streamed.status, 413)
  assert.equal(await here.media.files.incoming(), 0)
  assert.equal((await here.api.request('POST', UPLOAD, { as: alice, body: randomBytes(1_000) })).status, 200)
})

test('bad input 88: uploads and what is taken from other servers stay within their bounds', async () => {
  await using here = await startMedia({ quotaBytes: 2_500, cacheBytes: 2_500 })
  const [alice, bob] = [await here.api.user('alice'), await here.api.user('bob')]
  const upload = (as: typeof alice, content: Buffer) => here.api.request('POST', UPLOAD, { as, body: content })
  const content = randomBytes(1_000)
  assert.equal((await upload(alice, content)).status, 200)
  assert.equal((await upload(alice, content)).status, 200, 'the same again costs nothing')
  assert.equal((await upload(alice, randomBytes(1_000))).status, 200)
  const refused = await upload(alice, randomBytes(1_000))
  assert.equal(refused.status, 403)
  assert.equal(refused.body.errcode, 'M_FORBIDDEN')
  assert.equal((await upload(bob, content)).status, 200, 'others have their own quota')

  const auth = { authorization: `Bearer ${alice.token}` }
  const files = Array.from({ length: 4 }, () => randomBytes(1_000))
  for (const file of files) {
    here.elsewhere.set(`there.test/${idOf(file)}`, remoteFile(file))
    assert.equal((await here.fetch(`${DOWNLOAD}/there.test/${idOf(file)}`, auth)).status, 200)
  }
  const cached = await Promise.all(
    files.map((file) => here.media.files.exists(createHash('sha256').update(file).digest('hex'))),
  )
  assert.equal(cached.filter(Boolean).length, 2, 'what is cached fits, the rest is gone')
})

test('media of another server is fetched once, verified and kept', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const auth = { authorization: `Bearer ${alice.token}` }
  const content = randomBytes(50_000)
  const path = `${DOWNLOAD}/there.test/${idOf(content)}`
  here.elsewhere.set(`there.test/${idOf(content)}`, remoteFile(content))
  const answers = await Promise.all([1, 2, 3].map(() => here.fetch(path, auth)))
  for (const answer of answers) assert.deepEqual(answer.bytes, content)
  assert.equal(here.asked.length, 1)
  here.elsewhere.clear()
  const again = await here.fetch(path, auth)
  assert.deepEqual(again.bytes, content)
  assert.equal(again.headers.get('content-disposition'), 'inline; filename="far.png"')
  assert.equal(here.asked.length, 1)
})

test('another server that sends something else, less or too much is not believed', async () => {
  await using here = await startMedia({ maxBytes: 10_000 })
  const alice = await here.api.user('alice')
  const auth = { authorization: `Bearer ${alice.token}` }
  const wanted = randomBytes(100)
  const path = `${DOWNLOAD}/there.test/${idOf(wanted)}`
  for (const [what, file, status] of [
    ['other content', remoteFile(randomBytes(100)), 502],
    ['less than it said', remoteFile(wanted.subarray(0, 50), { size: 100 }), 502],
    ['more than it said', remoteFile(wanted, { size: 50 }), 502],
    ['too much', remoteFile(wanted, { size: 20_000 }), 502],
  ] as const) {
    here.elsewhere.set(`there.test/${idOf(wanted)}`, file)
    assert.equal((await here.fetch(path, auth)).status, status, what)
  }
  assert.equal(await here.media.files.incoming(), 0)
  here.elsewhere.delete(`there.test/${idOf(wanted)}`)
  assert.equal((await here.fetch(path, auth)).status, 404)
  // The twin: under an id that is no hash, the other content is what one gets.
  const forged = randomBytes(100)
  here.elsewhere.set('there.test/opaque', remoteFile(forged))
  assert.deepEqual((await here.fetch(`${DOWNLOAD}/there.test/opaque`, auth)).bytes, forged)
})

test('an id can be made first and filled later, by its maker only and once', async () => {
  await using here = await startMedia()
  const [alice, bob] = [await here.api.user('alice'), await here.api.user('bob')]
  const created = await here.api.request('POST', '/_matrix/media/v1/create', { as: alice })
  assert.equal(created.status, 200)
  expectMatchesSpec('createContent', created)
  const put = (as: typeof alice, path = mxc(created)) =>
    here.api.request('PUT', `${UPLOAD}/${path}`, { as, body: 'later', headers: { 'content-type': 'text/plain' } })
  const early = await here.api.request('GET', `${DOWNLOAD}/${mxc(created)}`, { as: bob, query: { timeout_ms: '0' } })
  assert.equal(early.status, 504)
  assert.equal(early.body.errcode, 'M_NOT_YET_UPLOADED')
  assert.equal((await put(bob)).status, 403)
  assert.equal((await put(alice, 'here.test/neverMade')).status, 404)

  const waiting = here.api.request('GET', `${DOWNLOAD}/${mxc(created)}`, { as: bob })
  const uploaded = await put(alice)
  assert.equal(uploaded.status, 200)
  expectMatchesSpec('uploadContentToMXC', uploaded)
  assert.equal((await waiting).body, 'later')
  const twice = await put(alice)
  assert.equal(twice.status, 409)
  assert.equal(twice.body.errcode, 'M_CANNOT_OVERWRITE_MEDIA')
})

test('ids without content are bounded and expire', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const create = () => here.api.request('POST', '/_matrix/media/v1/create', { as: alice })
  const first = await create()
  for (let made = 1; made < 50; made++) assert.equal((await create()).status, 200)
  assert.equal((await create()).status, 429)
  here.api.clock.advance(25 * 60 * 60 * 1000)
  assert.equal((await create()).status, 200)
  const late = await here.api.request('PUT', `${UPLOAD}/${mxc(first)}`, { as: alice, body: 'late' })
  assert.equal(late.status, 404)
})

test('the deprecated paths serve this device what is here, and never web pages or other servers', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const uploaded = await here.api.request('POST', UPLOAD, { as: alice, body: 'seen' })
  const far = randomBytes(10)
  here.elsewhere.set(`there.test/${idOf(far)}`, remoteFile(far))
  for (const version of ['v3', 'r0', 'v1']) {
    const path = `/_matrix/media/${version}/download/${mxc(uploaded)}`
    assert.equal((await here.fetch(path)).status, 200, version)
    assert.equal((await here.fetch(path, { 'sec-fetch-site': 'cross-site' })).status, 404, version)
    assert.equal((await here.fetch(path, { 'x-forwarded-for': '192.0.2.1' })).status, 404, version)
    const auth = { authorization: `Bearer ${alice.token}`, 'sec-fetch-site': 'cross-site' }
    assert.equal((await here.fetch(path, auth)).status, 200, version)
  }
  const farPath = `/_matrix/media/v3/download/there.test/${idOf(far)}`
  assert.equal((await here.fetch(farPath)).status, 404)
  assert.deepEqual(here.asked, [])
  assert.equal((await here.fetch(farPath, { authorization: `Bearer ${alice.token}` })).status, 200)
  assert.equal((await here.fetch(farPath)).status, 200, 'once it is cached')
})

test('other servers read ranges of local media, and nothing that is not there', async () => {
  await using here = await startMedia()
  const alice = await here.api.user('alice')
  const content = randomBytes(5_000)
  const uploaded = await here.api.request('POST', UPLOAD, { as: alice, body: content, query: { filename: 'x' } })
  const mediaId = mxc(uploaded).slice('here.test/'.length)
  const opened = await here.media.local.open(mediaId)
  assert.ok(opened)
  const { size, contentType, filename } = opened
  assert.deepEqual(
    { size, contentType, filename },
    { size: 5_000, contentType: 'application/octet-stream', filename: 'x' },
  )
  const read = async (from: number, to: number) => Buffer.concat(await Array.fromAsync(opened.read(from, to)))
  assert.deepEqual(await read(0, size), content)
  assert.deepEqual(await read(100, 200), content.subarray(100, 200))
  assert.deepEqual(await read(4_990, 9_000), content.subarray(4_990))
  assert.equal((await read(5_000, 6_000)).length, 0)
  assert.equal(await here.media.local.open('../x'), undefined)
  assert.equal(await here.media.local.open(idOf(randomBytes(3))), undefined)
  assert.equal(here.api.serverName, 'here.test' as ServerName)
})
