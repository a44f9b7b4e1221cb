import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import type { PublicFetchDeps } from '../../http/outbound/public-fetch.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import { startTestApi } from '../../testing/test-api.ts'
import { Media } from '../media.ts'
import { mediaEndpoints } from '../media-endpoints.ts'
import { pageFacts } from './page-facts.ts'
import { UrlPreviews } from './url-previews.ts'

const PATH = '/_matrix/client/v1/media/preview_url'

/** Everything on the test's own loopback server counts as the public Internet. */
const OPEN: PublicFetchDeps = {
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  isPublic: () => true,
}

async function startSite(listener: RequestListener) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    asked,
    port,
    url: (path: string) => `http://site.example:${port}${path}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function startPreviews(fetching: PublicFetchDeps | undefined, on = true) {
  const directory = await mkdtemp(join(tmpdir(), 'starling-previews-'))
  const api = await startTestApi(async (base) => {
    const media = new Media({ ...base, directory, remote: { media: async () => undefined } })
    await media.start()
    const previews = new UrlPreviews({ ...base, images: media.previewImages, ...(fetching && { fetching }) })
    return mediaEndpoints({ media, previews: on ? previews : undefined })
  })
  const user = await api.user()
  return {
    api,
    user,
    preview: (url: string, path = PATH) => api.request('GET', path, { as: user, query: { url } }),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const HEAD = `<!doctype html><html><head><meta charset=utf-8><title>  A &amp; B
</title><meta property="og:description" content="caf&eacute;"><meta property="og:site_name" content="Site">
<meta name="twitter:image" content="/picture.png"><meta property="og:image:width" content="3">
</head><body><meta property="og:type" content="from the body"></body>`

test('a page is described by its head, its image copied here for a day; the same link is fetched once an hour', async () => {
  const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  await using site = await startSite((request, response) => {
    const isImage = request.url === '/picture.png'
    response.setHeader('content-type', isImage ? 'image/png' : 'text/html')
    response.end(isImage ? png : HEAD)
  })
  await using here = await startPreviews(OPEN)
  const answer = await here.preview(site.url('/page'))
  assert.equal(answer.status, 200)
  expectMatchesSpec('getUrlPreviewAuthed', answer)
  const { 'og:image': image, ...rest } = answer.body
  assert.deepEqual(rest, {
    'og:title': 'A & B',
    'og:description': 'café',
    'og:site_name': 'Site',
    'og:image:width': 3,
    'og:image:type': 'image/png',
    'matrix:image:size': png.length,
  })
  const legacy = await here.preview(site.url('/page'), '/_matrix/media/v3/preview_url')
  expectMatchesSpec('getUrlPreview', legacy)
  assert.deepEqual(legacy.body, answer.body)
  assert.deepEqual(site.asked, ['/page', '/picture.png'], 'asked once')
  const download = `/_matrix/client/v1/media/download/${image.slice('mxc://'.length)}`
  assert.equal((await here.api.request('GET', download, { as: here.user })).status, 200)
  here.api.clock.advance(25 * 60 * 60 * 1000)
  assert.equal((await here.api.request('GET', download, { as: here.user })).status, 404)
  assert.equal((await here.preview(site.url('/page'))).status, 200)
  assert.equal(site.asked.length, 4, 'asked again')
})

test('an image is its own preview; other files, empty pages and pages with a broken image have what they have', async () => {
  const gif = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .gif()
    .toBuffer()
  const pages: Readonly<Record<string, readonly [type: string, body: string | Buffer]>> = {
    '/cat.gif': ['image/gif', gif],
    '/file.zip': ['application/zip', 'PK'],
    '/empty': ['text/html', ''],
    '/broken': ['text/html', '<title>t</title><meta property=og:image content="/not-an-image">'],
    '/not-an-image': ['image/png', '<svg onload=alert(1)>'],
  }
  await using site = await startSite((request, response) => {
    const [type, body] = pages[request.url ?? ''] ?? ['text/plain', '']
    response.setHeader('content-type', type)
    response.end(body)
  })
  await using here = await startPreviews(OPEN)
  const cat = (await here.preview(site.url('/cat.gif'))).body
  assert.equal(cat['og:image:type'], 'image/gif')
  assert.deepEqual((await here.preview(site.url('/file.zip'))).body, {})
  assert.deepEqual((await here.preview(site.url('/empty'))).body, {})
  assert.deepEqual((await here.preview(site.url('/broken'))).body, { 'og:title': 't' })
})

test('previews that are off, without a URL, without a token or of a page that fails say so', async () => {
  await using site = await startSite((_request, response) => response.writeHead(500).end())
  await using off = await startPreviews(OPEN, false)
  const refused = await off.preview(site.url('/'))
  assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN'])
  expectMatchesSpec('getUrlPreviewAuthed', refused)
  assert.deepEqual(site.asked, [])
  await using here = await startPreviews(OPEN)
  assert.equal((await here.api.request('GET', PATH, { as: here.user })).body.errcode, 'M_MISSING_PARAM')
  assert.equal((await here.preview('not a url')).body.errcode, 'M_INVALID_PARAM')
  assert.equal((await here.api.request('GET', PATH, { query: { url: site.url('/') } })).status, 401)
  const failed = await here.preview(site.url('/'))
  assert.deepEqual([failed.status, failed.body.errcode], [502, 'M_UNKNOWN'])
  expectMatchesSpec('getUrlPreviewAuthed', failed)
})

test('bad input 85: no preview of what only this machine can reach, by name, number, redirect or image; without the guard there is one', async () => {
  await using inside = await startSite((request, response) => {
    response.setHeader('content-type', 'text/html')
    if (request.url === '/away') response.writeHead(302, { location: `http://127.0.0.1:${inside.port}/secret` }).end()
    else response.end('<title>secret</title>')
  })
  const targets = [
    `http://127.0.0.1:${inside.port}/`,
    `http://[::ffff:127.0.0.1]:${inside.port}/`,
    `http://localhost:${inside.port}/`,
    `http://2130706433:${inside.port}/`,
    'http://169.254.169.254/latest/meta-data/',
    'http://192.168.1.1/',
    'http://[fe80::1]/',
    'file:///etc/passwd',
  ]
  await using here = await startPreviews(undefined)
  for (const url of targets) {
    const answer = await here.preview(url)
    assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], url)
    expectMatchesSpec('getUrlPreviewAuthed', answer)
  }
  assert.deepEqual(inside.asked, [])
  // The first hop is public, the one that it leads to is not.
  const onlyNamed: PublicFetchDeps = {
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    isPublic: () => inside.asked.length === 0,
  }
  await using redirected = await startPreviews(onlyNamed)
  assert.equal((await redirected.preview(inside.url('/away'))).status, 403)
  assert.deepEqual(inside.asked, ['/away'])
  await using open = await startPreviews(OPEN)
  assert.equal((await open.preview(`http://127.0.0.1:${inside.port}/`)).body['og:title'], 'secret')
})

test('bad input 86: an endless page is cut off, and a deeply nested one is not looked into', async () => {
  await using site = await startSite((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.write('<title>endless</title>')
    const more = () => {
      while (response.write('<p>and so on'.repeat(1_000)));
    }
    response.on('drain', more)
    more()
  })
  await using here = await startPreviews(OPEN)
  const answer = await here.preview(site.url('/'))
  assert.deepEqual([answer.status, answer.body], [200, { 'og:title': 'endless' }])
  const deep = (levels: number) => Buffer.from(`${'<div>'.repeat(levels)}<title>at the bottom</title>`)
  assert.equal(pageFacts(deep(50), undefined).properties.get('og:title'), 'at the bottom', 'what is not deep is read')
  assert.equal(pageFacts(deep(100_000), undefined).properties.size, 0)
  const many = `${'<meta property=og:title>'.repeat(20_000)}<title>after many</title>`
  assert.equal(pageFacts(Buffer.from(many), undefined).properties.size, 0)
  const names = Array.from({ length: 500 }, (_, n) => `<meta property="og:x${n}" content="${'y'.repeat(5_000)}">`)
  const bounded = pageFacts(Buffer.from(names.join('')), undefined).properties
  assert.ok(bounded.size <= 50 && [...bounded.values()].every((value) => value.length <= 1_000))
})

test('bad input 86: hostile markup gives plain text or nothing', () => {
  const title = (html: string, type?: string) => pageFacts(Buffer.from(html, 'latin1'), type).properties.get('og:title')
  assert.equal(title('<title><script>x</script></title>'), '<script>x</script>', 'text, as the page shows it')
  assert.equal(title('<title>unclosed'), undefined)
  assert.equal(title('<meta property="__proto__" content=x><title>p</title>'), 'p')
  assert.equal(title('<title>\xe4</title>', 'text/html; charset=iso-8859-1'), 'ä')
  assert.equal(title('<meta charset="windows-1251"><title>\xcf</title>'), 'П')
  assert.equal(title('<title>ok</title>', 'text/html; charset=nonsense'), 'ok')
})
