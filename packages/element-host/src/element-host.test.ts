import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Logger } from '@starling/protocol'
import { create } from 'tar'
import { createElementApp } from './element-app.ts'
import { ElementHost } from './element-host.ts'
import type { ElementRelease } from './release.ts'

const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
}

/** A folder that looks like Element Web, and an archive of it. */
async function fakeElement(): Promise<{ folder: string; archive: Buffer; archivePath: string }> {
  const base = await mkdtemp(join(tmpdir(), 'starling-element-'))
  const folder = join(base, 'element-v9')
  await mkdir(join(folder, 'bundles', 'abc'), { recursive: true })
  await writeFile(join(folder, 'index.html'), '<div id="matrixchat"></div>')
  await writeFile(join(folder, 'bundles', 'abc', 'bundle.js'), `// ${'x'.repeat(50_000)}\n`)
  await symlink('/etc/passwd', join(folder, 'leak'))
  const archivePath = join(base, 'element.tar.gz')
  await create({ file: archivePath, gzip: true, cwd: base }, ['element-v9'])
  return { folder, archive: await readFile(archivePath), archivePath }
}

async function serve(handler: RequestListener): Promise<{ url: string; server: Server } & AsyncDisposable> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections())
  return { url, server, [Symbol.asyncDispose]: close }
}

function releaseOf(archive: Buffer, url: string): ElementRelease {
  return { version: '9', url, sha256: createHash('sha256').update(archive).digest('hex') }
}

async function prepare(release: ElementRelease, source?: string, cacheDir?: string, onBytes = (): void => undefined) {
  const directory = cacheDir ?? (await mkdtemp(join(tmpdir(), 'starling-element-cache-')))
  const received: number[] = []
  const onProgress = ({ received: bytes }: { received: number }) => {
    received.push(bytes)
    onBytes()
  }
  const host = new ElementHost({ cacheDir: directory, release, source, logger: quiet, onProgress })
  host.start()
  return { host, state: await host.settled(), directory, received }
}

const nowhere: ElementRelease = { version: '9', url: 'http://127.0.0.1:1/', sha256: '00' }

test('the release is fetched once, with progress, verified, unpacked without links, and cached', async () => {
  const { archive } = await fakeElement()
  let requests = 0
  await using web = await serve((_request, response) => {
    requests += 1
    response.writeHead(200, { 'content-length': archive.length }).end(archive)
  })
  const release = releaseOf(archive, web.url)
  const first = await prepare(release)
  assert.equal(first.state.kind, 'ready')
  assert.equal(first.received.at(-1), archive.length)
  const directory = first.state.kind === 'ready' ? first.state.directory : ''
  assert.deepEqual((await readdir(directory)).sort(), ['bundles', 'index.html'])
  const second = await prepare(release, undefined, first.directory)
  assert.equal(second.state.kind, 'ready')
  assert.equal(requests, 1)
})

test('a wrong digest is refused and the next attempt begins anew', async () => {
  const { archive } = await fakeElement()
  let body: Buffer = Buffer.concat([archive, Buffer.from('tampered')])
  const ranges: (string | undefined)[] = []
  await using web = await serve((request, response) => {
    ranges.push(request.headers.range)
    response.end(body)
  })
  const release = releaseOf(archive, web.url)
  const { state, directory } = await prepare(release)
  assert(state.kind === 'unavailable' && state.reason.includes('is not Element Web'))
  assert.deepEqual(await readdir(directory), [])
  body = archive
  assert.equal((await prepare(release, undefined, directory)).state.kind, 'ready')
  assert.deepEqual(ranges, [undefined, undefined])
})

test('a cut-off download is resumed where it stopped', async () => {
  const { archive } = await fakeElement()
  const half = Math.floor(archive.length / 2)
  const ranges: (string | undefined)[] = []
  let cut = (): void => undefined
  await using web = await serve((request, response) => {
    ranges.push(request.headers.range)
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN)
    if (from > 0) {
      const contentRange = `bytes ${from}-${archive.length - 1}/${archive.length}`
      response.writeHead(206, { 'content-range': contentRange }).end(archive.subarray(from))
    } else {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, half))
      cut = () => response.destroy()
    }
  })
  const release = releaseOf(archive, web.url)
  const first = await prepare(release, undefined, undefined, () => cut())
  assert.equal(first.state.kind, 'unavailable')
  const resumed = await prepare(release, undefined, first.directory)
  assert.equal(resumed.state.kind, 'ready')
  assert.deepEqual(ranges, [undefined, `bytes=${first.received.at(-1)}-`])
})

test('a server that ignores the range is read from the start', async () => {
  const { archive } = await fakeElement()
  await using web = await serve((_request, response) => response.end(archive))
  const release = releaseOf(archive, web.url)
  const directory = await mkdtemp(join(tmpdir(), 'starling-element-cache-'))
  await writeFile(join(directory, 'element-9.tar.gz.part'), 'left over')
  assert.equal((await prepare(release, undefined, directory)).state.kind, 'ready')
})

test('a local folder or archive is served without any fetch', async () => {
  const { folder, archivePath } = await fakeElement()
  const fromFolder = await prepare(nowhere, folder)
  assert.deepEqual(fromFolder.state, { kind: 'ready', directory: folder })
  const fromArchive = await prepare(nowhere, archivePath)
  assert.equal(fromArchive.state.kind, 'ready')
})

test('a folder without Element Web is said to be none', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'starling-element-empty-'))
  const { state } = await prepare(nowhere, empty)
  assert(state.kind === 'unavailable' && state.reason.includes(empty))
})

test('a folder or archive that is not there is named, with what to do', async () => {
  const { host, state } = await prepare(nowhere, '/no/such/element')
  assert(state.kind === 'unavailable' && state.reason === 'there is no folder or archive /no/such/element')
  await using app = await appFor(host)
  const text = await (await fetch(app.url)).text()
  assert.match(text, /there is no folder or archive \/no\/such\/element\./)
  assert.match(text, /without it to fetch the release/)
})

async function appFor(host: ElementHost, allowedHosts: readonly string[] | undefined = ['127.0.0.1']) {
  const clientApiFor = () => 'http://127.0.0.1:8008'
  return serve(createElementApp({ state: () => host.state, serverName: 'name', clientApiFor, allowedHosts }))
}

test('served files carry safe headers, and config.json points at this node', async () => {
  const { archivePath } = await fakeElement()
  const { host } = await prepare(nowhere, archivePath)
  await using app = await appFor(host)
  const index = await fetch(app.url)
  assert.match(await index.text(), /matrixchat/)
  assert.equal(index.headers.get('cache-control'), 'no-cache')
  assert.equal(index.headers.get('x-content-type-options'), 'nosniff')
  const config = (await (await fetch(`${app.url}/config.json`)).json()) as {
    default_server_config: { 'm.homeserver': { base_url: string; server_name: string } }
  }
  assert.deepEqual(config.default_server_config['m.homeserver'], {
    base_url: 'http://127.0.0.1:8008',
    server_name: 'name',
  })
  assert.equal((await fetch(`${app.url}/leak`)).status, 404)
  assert.equal((await fetch(`${app.url}/..%2f..%2fetc/passwd`)).status, 404)
})

test('with neither network nor archive, the page says how to use any client', async () => {
  const { host } = await prepare(nowhere)
  await using app = await appFor(host)
  const page = await fetch(app.url)
  assert.equal(page.status, 200)
  const text = await page.text()
  assert.match(text, /http:\/\/127\.0\.0\.1:8008/)
  assert.match(text, /--element-dir/)
})

test('bad input 22: a foreign host name gets nothing from a loopback listener', async () => {
  const { folder } = await fakeElement()
  const { host } = await prepare(nowhere, folder)
  await using guarded = await appFor(host)
  const asEvil = async (url: string) => {
    const { hostname, port } = new URL(url)
    const { request } = await import('node:http')
    return new Promise<number | undefined>((resolve, reject) => {
      request({ hostname, port, headers: { host: 'evil.example' } }, (answer) => resolve(answer.resume().statusCode))
        .once('error', reject)
        .end()
    })
  }
  assert.equal(await asEvil(guarded.url), 403)
  // The twin: without the check the page of evil.example would read what this listener serves.
  await using open = await serve(
    createElementApp({ state: () => host.state, serverName: 'n', clientApiFor: () => '', allowedHosts: undefined }),
  )
  assert.equal(await asEvil(open.url), 200)
})
