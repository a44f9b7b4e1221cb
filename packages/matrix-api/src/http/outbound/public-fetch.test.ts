import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { OutboundError } from './outbound-error.ts'
import type { Resolve } from './pinned-addresses.ts'
import { isPublicAddress } from './public-address.ts'
import { fetchPublicUrl, type PublicFetchDeps, type PublicRequest } from './public-fetch.ts'

/** A server on loopback, which is what the guard must keep strangers from. */
async function startServer(listener: RequestListener) {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const toLoopback: Resolve = async () => [{ address: '127.0.0.1', family: 4 }]
const OPEN: PublicFetchDeps = { resolve: toLoopback, isPublic: () => true }

function ask(url: string, deps: PublicFetchDeps = {}, more: Partial<PublicRequest> = {}) {
  return fetchPublicUrl({ url, timeoutMs: 5_000, maxBytes: 1_000, ...more }, deps)
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
    return 'answered'
  } catch (error) {
    assert.ok(error instanceof OutboundError, String(error))
    return error.code
  }
}

test('which addresses are public', () => {
  const inside =
    `127.0.0.1 127.255.0.1 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
    192.0.0.8 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 203.0.113.7
    ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12:3456::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:7f00:1
    ::127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::c0a8:101 64:ff9b:1::1 2001:db8::1 2001::1 2002:7f00:1:: 3fff::1 5f00::1
    localhost example.org 1 0x7f.1`.split(/\s+/)
  for (const address of inside) assert.equal(isPublicAddress(address), false, address)
  const outside = '1.1.1.1 9.9.9.9 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1 ::ffff:1.1.1.1 64:ff9b::101:101'
  for (const address of outside.split(' ')) assert.equal(isPublicAddress(address), true, address)
})

test('bad input 85: nothing on loopback, LAN or link-local is reached, by name, number or IPv6 in disguise', async () => {
  await using inside = await startServer((_request, response) => response.end('secret'))
  const { port } = inside
  for (const host of [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::127.0.0.1]',
    '169.254.169.254',
    '192.168.0.1',
    '[fd00::1]',
    '[fe80::1]',
  ]) {
    assert.equal(await codeOf(ask(`http://${host}:${port}/`)), 'forbidden-address', host)
  }
  const named = `http://innocent.test:${port}/`
  assert.equal(await codeOf(ask(named, { resolve: toLoopback })), 'forbidden-address')
  assert.deepEqual(inside.paths, [])
  // The twin: without the guard the same request gets the secret.
  const answer = await ask(named, OPEN)
  assert.equal(Buffer.from(answer.body).toString(), 'secret')
})

test('bad input 85: a redirect is checked as the first address was', async () => {
  await using server = await startServer((request, response) => {
    if (request.url === '/') response.writeHead(302, { location: `http://inside.test:${server.port}/secret` }).end()
    else response.end('secret')
  })
  const start = `http://outside.test:${server.port}/`
  const followed = await ask(start, OPEN, { maxRedirects: 3 })
  assert.equal(Buffer.from(followed.body).toString(), 'secret', 'the twin, without the guard')
  // Of the two names for the same place only the first counts as public here.
  const resolve: Resolve = async (name) => [{ address: name === 'inside.test' ? '::1' : '127.0.0.1', family: 4 }]
  const guarded = { resolve, isPublic: (address: string) => address === '127.0.0.1' }
  assert.equal(await codeOf(ask(start, guarded, { maxRedirects: 3 })), 'forbidden-address')
  assert.deepEqual(server.paths, ['/', '/secret', '/'])
  for (const location of ['file:///etc/passwd', 'gopher://x/', 'http://u:p@outside.test/']) {
    await using odd = await startServer((_request, response) => response.writeHead(302, { location }).end())
    assert.equal(await codeOf(ask(`http://a.test:${odd.port}/`, OPEN, { maxRedirects: 3 })), 'bad-url', location)
  }
})

test('bad input 85: the connection goes to what was checked, whatever the name server says next', async () => {
  await using inside = await startServer((_request, response) => response.end('x'))
  let asked = 0
  const rebinding: Resolve = async () => {
    asked += 1
    return [{ address: asked === 1 ? '127.0.0.1' : '127.0.0.99', family: 4 }]
  }
  const answer = await ask(`http://rebind.test:${inside.port}/`, { resolve: rebinding, isPublic: () => true })
  assert.deepEqual([answer.status, asked], [200, 1])
})

test('what the owner has named may lie on the own network, and only that', async () => {
  await using inside = await startServer((_request, response) => response.end('x'))
  const isAllowed = (url: URL) => url.origin === `http://127.0.0.1:${inside.port}`
  assert.equal((await ask(`http://127.0.0.1:${inside.port}/a`, { isAllowed })).status, 200)
  assert.equal(await codeOf(ask(`http://localhost:${inside.port}/a`, { isAllowed })), 'forbidden-address')
})

test('bad input 86: too long, too compressed, too slow and endless answers are cut off', async () => {
  const bomb = gzipSync(Buffer.alloc(5_000_000))
  await using server = await startServer((request, response) => {
    if (request.url === '/long') response.end('x'.repeat(5_000))
    else if (request.url === '/bomb') response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    else if (request.url === '/garbage') response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip')
    else if (request.url === '/odd') response.writeHead(200, { 'content-encoding': 'rot13' }).end('x')
    else if (request.url === '/headers') response.writeHead(200, { 'x-long': 'y'.repeat(20_000) }).end()
    else if (request.url === '/endless') {
      const write = () => {
        if (!response.destroyed) response.write('z'.repeat(500), () => setImmediate(write))
      }
      write()
    } else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
    // Anything else is never answered.
  })
  const at = (path: string) => `http://a.test:${server.port}${path}`
  const code = (path: string, more: Partial<PublicRequest> = {}) => codeOf(ask(at(path), OPEN, more))
  assert.equal(await code('/long'), 'too-large')
  assert.equal(await code('/bomb'), 'too-large')
  assert.equal(await code('/endless'), 'too-large')
  assert.equal(await code('/garbage'), 'bad-encoding')
  assert.equal(await code('/odd'), 'bad-encoding')
  assert.equal(await code('/headers'), 'unreachable')
  assert.equal(await code('/silent', { timeoutMs: 50 }), 'timeout')
  assert.equal(await code('/loop', { maxRedirects: 4 }), 'too-many-redirects')
  assert.equal((await ask(at('/loop'), OPEN)).status, 302, 'not followed unless asked')
  const cut = await ask(at('/endless'), OPEN, { overflow: 'cut' })
  assert.deepEqual([cut.cut, cut.body.length], [true, 1_000])
  assert.equal(await codeOf(ask('ftp://a.test/', OPEN)), 'bad-url')
  const nowhere = { resolve: () => Promise.reject(new Error('ENOTFOUND')) }
  assert.equal(await codeOf(ask('http://a.test/', nowhere)), 'unresolvable')
  assert.equal(await codeOf(ask('http://a.test:1/', OPEN)), 'unreachable')
})
