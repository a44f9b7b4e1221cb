import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '@starling/testkit'
import { createLibp2pHost, type Libp2pHost } from './host.ts'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { openLoopbackHosts, SILENT } from './testing/loopback-hosts.ts'
import { openStockPeer } from './testing/stock-peer.ts'

const QUIET = { mdns: false, bootstrap: 'none', logger: SILENT } as const
const bytes = (text: string) => new TextEncoder().encode(text)

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'starling-host-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function started(options: Partial<Libp2pHostOptions>): Promise<Libp2pHost> {
  const host = await createLibp2pHost({ listen: ['/ip4/127.0.0.1/tcp/0'], ...QUIET, ...options })
  await host.start()
  return host
}

const addressOf = (host: Libp2pHost | undefined) => host?.transport.multiaddrs()[0] ?? ''
const listenOf = (host: Libp2pHost) => [addressOf(host).replace(/\/p2p\/.*/, '')]

test('PeerId and peers survive a restart: two hosts that met meet again without being told', async () => {
  await using one = await temporaryDirectory()
  await using other = await temporaryDirectory()
  const a = await started({ datastoreDirectory: one.path })
  const b = await started({ datastoreDirectory: other.path })
  await a.transport.dial(addressOf(b))
  await eventually('met', () => b.transport.connectedPeers().length === 1)
  const [listenA, listenB] = [listenOf(a), listenOf(b)]
  await Promise.all([a.stop(), b.stop()])
  const again = await started({ datastoreDirectory: one.path, listen: listenA })
  await using _disposed = again
  assert.equal(again.peerId, a.peerId)
  await using back = await started({ datastoreDirectory: other.path, listen: listenB })
  await eventually('met again', () => again.transport.connectedPeers().includes(back.peerId))
})

test('a seed names the PeerId; handlers and subscriptions made before the start are there for the first peer', async () => {
  const transportSeed = new Uint8Array(32).fill(5)
  const host = await createLibp2pHost({ ...QUIET, listen: ['/ip4/127.0.0.1/tcp/0'], transportSeed })
  const limits = { maxRequestBytes: 10, maxConcurrentPerPeer: 1, timeoutMs: 1000 }
  await host.transport.handleRequests('/early/1', limits, async () => bytes('answer'))
  host.gossip.setAdmission(() => true)
  let heard = 0
  host.gossip.subscribe('room', () => {
    heard++
    return 'accept'
  })
  await host.start()
  await using _host = host
  await using guest = await started({})
  await using twin = await started({ transportSeed })
  assert.equal(twin.peerId, host.peerId)
  guest.gossip.setAdmission(() => true)
  await guest.transport.dial(addressOf(host))
  assert.equal(new TextDecoder().decode(await guest.transport.request(host.peerId, '/early/1', bytes('x'))), 'answer')
  await eventually('gossip', async () => {
    await guest.gossip.publish('room', bytes(`${Math.random()}`))
    return heard > 0
  })
})

test('a bootstrap peer is kept connected, also when it comes up later', async () => {
  const transportSeed = new Uint8Array(32).fill(6)
  const before = await started({ transportSeed })
  const address = addressOf(before)
  const listen = listenOf(before)
  await before.stop()
  await using host = await started({ bootstrap: [address] })
  await using late = await started({ transportSeed, listen })
  await eventually('connected', () => host.transport.connectedPeers().includes(late.peerId))
})

test('an address in use fails the making of the host, and stopping twice or before starting is no error', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const listen = [`/ip4/127.0.0.1/tcp/${port}`]
  await assert.rejects(createLibp2pHost({ ...QUIET, listen }), { code: 'bad-address' })
  server.close()
  const host = await createLibp2pHost({ ...QUIET, listen: ['/ip4/127.0.0.1/tcp/0'] })
  assert.deepEqual(await host.gossip.publish('room', bytes('nobody')), { recipients: 0 })
  await host.stop()
  await host.stop()
})

test('a message that went to nobody is sent when somebody is there', async () => {
  const { hosts, close } = await openLoopbackHosts(2)
  const [a, b] = hosts
  assert.ok(a && b)
  try {
    const heard: string[] = []
    for (const host of hosts) {
      host.gossip.setAdmission(() => true)
      host.gossip.subscribe('room', (_from, data) => {
        heard.push(new TextDecoder().decode(data))
        return 'accept'
      })
    }
    assert.equal((await a.gossip.publish('room', bytes('same'))).recipients, 0)
    await a.transport.dial(addressOf(b))
    await eventually('sent', async () => (await a.gossip.publish('room', bytes('same'))).recipients === 1)
    await eventually('heard', () => heard.length > 0)
    // The same bytes in another room are another message.
    for (const host of hosts) {
      host.gossip.subscribe('other room', (_from, data) => {
        heard.push(new TextDecoder().decode(data))
        return 'accept'
      })
    }
    await eventually('sent', async () => (await a.gossip.publish('other room', bytes('same'))).recipients === 1)
    await eventually('heard again', () => heard.length === 2)
  } finally {
    await close()
  }
})

test('GOTCHAS 15: twelve hosts behind one address connect at once', async () => {
  const { hosts, close } = await openLoopbackHosts(13)
  const [hub, ...others] = hosts
  try {
    await Promise.all(others.map((host) => host.transport.dial(addressOf(hub))))
    await eventually('all are there', () => hub?.transport.connectedPeers().length === 12)
  } finally {
    await close()
  }
})

test('GOTCHAS 15, twin: a stock node refuses most of them', async () => {
  await using hub = await openStockPeer()
  const { hosts, close } = await openLoopbackHosts(20)
  try {
    const address = String(hub.node.getMultiaddrs()[0])
    const outcomes = await Promise.allSettled(hosts.map((host) => host.transport.dial(address)))
    assert.ok(outcomes.some(({ status }) => status === 'rejected'))
  } finally {
    await close()
  }
})
