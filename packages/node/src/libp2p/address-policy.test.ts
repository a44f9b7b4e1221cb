import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@starling/federation'
import { addressPolicy, kindOfIp } from './address-policy.ts'
import { openLoopbackHosts } from './testing/loopback-hosts.ts'

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5' as PeerId

const KINDS: readonly (readonly [ip: string, kind: ReturnType<typeof kindOfIp>])[] = [
  ['127.0.0.1', 'loopback'],
  ['127.8.8.8', 'loopback'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['64:ff9b::127.0.0.1', 'loopback'],
  ['2002:7f00:1::', 'loopback'],
  ['0.0.0.0', 'never'],
  ['::', 'never'],
  ['224.0.0.251', 'never'],
  ['255.255.255.255', 'never'],
  ['ff02::fb', 'never'],
  ['not an address', 'never'],
  ['169.254.169.254', 'link-local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.32.0.1', 'public'],
  ['192.168.1.1', 'private'],
  ['::ffff:192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['fd00::1', 'private'],
  ['8.8.8.8', 'public'],
  ['2001:4860:4860::8888', 'public'],
]

for (const [ip, kind] of KINDS) {
  test(`GOTCHAS 14: ${ip} is ${kind}`, () => assert.equal(kindOfIp(ip), kind))
}

test('GOTCHAS 14: on the public network only public addresses are dialled, in a private one only private ones', () => {
  const open = addressPolicy({ privateAddressesOnly: false, allowLoopback: false })
  const closed = addressPolicy({ privateAddressesOnly: true, allowLoopback: false })
  const denied = (address: string) => [open, closed].map((policy) => policy.denies(multiaddr(address)))
  assert.deepEqual(denied('/ip4/8.8.8.8/tcp/4009'), [false, true])
  assert.deepEqual(denied('/ip4/192.168.1.1/tcp/80'), [true, false])
  assert.deepEqual(denied('/ip4/169.254.169.254/tcp/80'), [true, true])
  assert.deepEqual(denied('/ip4/0.0.0.0/tcp/80'), [true, true])
  // Through a relay, it is the relay's address that a socket is opened to.
  assert.deepEqual(denied(`/ip4/192.168.1.1/tcp/80/p2p/${PEER}/p2p-circuit/p2p/${PEER}`), [true, false])
  assert.deepEqual(denied(`/ip4/8.8.8.8/tcp/80/p2p/${PEER}/p2p-circuit/p2p/${PEER}`), [false, true])
  assert.deepEqual(denied(`/p2p/${PEER}/p2p-circuit`), [true, true])
})

test('GOTCHAS 14: what is trusted may be dialled at that port and no other, until newer ones have pushed it out', () => {
  const policy = addressPolicy({ privateAddressesOnly: false, allowLoopback: false })
  policy.trust(multiaddr(`/ip4/192.168.1.7/tcp/4009/p2p/${PEER}`))
  assert.equal(policy.denies(multiaddr('/ip4/192.168.1.7/tcp/4009')), false)
  assert.equal(policy.denies(multiaddr('/ip4/192.168.1.7/tcp/80')), true)
  for (let index = 0; index < 3000; index++) policy.trust(multiaddr(`/ip4/10.0.${index >> 8}.${index & 255}/tcp/1`))
  assert.equal(policy.denies(multiaddr('/ip4/192.168.1.7/tcp/4009')), true)
})

test('GOTCHAS 14: a name that resolves to a forbidden address is not connected to, unless trusted', async () => {
  const resolve = (policy: ReturnType<typeof addressPolicy>) => {
    const { promise, resolve: done } = Promise.withResolvers<unknown>()
    policy.lookup('localhost', { all: true }, (error, found) => done(error?.code ?? found))
    return promise
  }
  const policy = addressPolicy({ privateAddressesOnly: false, allowLoopback: false })
  assert.equal(policy.denies(multiaddr('/dns4/localhost/tcp/4009')), false)
  assert.equal(await resolve(policy), 'EACCES')
  // A WebSocket is not opened through our look-up, so an untrusted name is refused at once.
  assert.equal(policy.denies(multiaddr('/dns4/localhost/tcp/4009/ws')), true)
  policy.trust(multiaddr('/dns4/localhost/tcp/4009'))
  assert.ok(Array.isArray(await resolve(policy)))
})

/** How many connections a bystander on this machine gets when a peer's hint names its port. */
async function knocksAt(bystander: { allowLoopback: boolean }): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket))
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = server.address() as { port: number }
  const { hosts, close } = await openLoopbackHosts(1, bystander)
  const [host] = hosts
  assert.ok(host)
  try {
    await host.transport.rememberAddresses({ peerId: PEER, multiaddrs: [`/ip4/127.0.0.1/tcp/${port}`, 'nonsense'] })
    await assert.rejects(host.transport.dial(PEER, { signal: AbortSignal.timeout(1500) }))
    return sockets.length
  } finally {
    await close()
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

test('GOTCHAS 14: a peer cannot have this node knock at a local port', async () => {
  assert.equal(await knocksAt({ allowLoopback: false }), 0)
})

test('GOTCHAS 14, twin: with the policy open it can', async () => {
  assert.equal(await knocksAt({ allowLoopback: true }), 1)
})
