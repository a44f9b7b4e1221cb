import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerId } from '@starling/federation'
import { eventually, Internet, type NamespaceProcess, skipUnlessNamespaces } from '@starling/testkit'
import { createLibp2pHost, type Libp2pHost } from './host.ts'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { relayQuota } from './relay-quota.ts'
import { openLoopbackHosts, SILENT } from './testing/loopback-hosts.ts'

const HOST = new URL('./testing/host-process.fixture.ts', import.meta.url)
const LIMITS = { maxRequestBytes: 16 * 1024 * 1024, maxConcurrentPerPeer: 8, timeoutMs: 20_000 } as const

const addressOf = (host: Libp2pHost | undefined) => host?.transport.multiaddrs()[0] ?? ''
const relayedAddress = (host: Libp2pHost) => host.transport.multiaddrs().find((each) => each.includes('/p2p-circuit/'))

/** A relay that admits whom `admits` says, a host that listens through it only, and a third that will dial it. */
async function withRelay(
  admits: boolean,
  body: (behind: Libp2pHost, dialler: Libp2pHost, relay: Libp2pHost) => Promise<void>,
): Promise<void> {
  const { hosts, close } = await openLoopbackHosts(2)
  const [relay, dialler] = hosts
  assert.ok(relay && dialler)
  relay.setRelayAdmission(() => admits)
  const inner = await openLoopbackHosts(1, { listen: [], relays: [addressOf(relay)], allowLoopback: true })
  try {
    assert.ok(inner.hosts[0])
    await inner.hosts[0].transport.handleRequests('/test/echo', LIMITS, async (_from, request) => request)
    await body(inner.hosts[0], dialler, relay)
  } finally {
    await inner.close()
    await close()
  }
}

test('GOTCHAS 8: a host that listens only through a relay is reached through it, with megabytes and gossip', async () => {
  await withRelay(true, async (behind, dialler) => {
    const address = await eventually('a relayed address', () => relayedAddress(behind))
    await dialler.transport.dial(address)
    // The relays' default limit is 128 KiB.
    const request = new Uint8Array(4 * 1024 * 1024).fill(7)
    assert.deepEqual(await dialler.transport.request(behind.peerId, '/test/echo', request), request)
    let heard = 0
    for (const host of [behind, dialler]) {
      host.gossip.setAdmission(() => true)
      host.gossip.subscribe('room', () => {
        heard++
        return 'accept'
      })
    }
    await eventually('gossip', async () => {
      await dialler.gossip.publish('room', new TextEncoder().encode(`${Math.random()}`))
      return heard > 0
    })
  })
})

test('GOTCHAS 8: whom the relay does not admit gets no reservation', async () => {
  await withRelay(false, async (behind, _dialler, relay) => {
    await eventually('connected', () => behind.transport.connectedPeers().includes(relay.peerId))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.equal(relayedAddress(behind), undefined)
  })
})

test('GOTCHAS 8: a relay that is down at start is no reason not to start, and is used once it is up', async () => {
  const transportSeed = new Uint8Array(32).fill(8)
  const before = await openLoopbackHosts(1, { transportSeed })
  const address = addressOf(before.hosts[0])
  await before.close()
  const waiting = await openLoopbackHosts(1, { relays: [address] })
  const [host] = waiting.hosts
  assert.ok(host && addressOf(host))
  assert.equal(relayedAddress(host), undefined)
  const listen = [address.replace(/\/p2p\/.*/, '')]
  const relay = await createLibp2pHost({ transportSeed, listen, mdns: false, bootstrap: 'none', logger: SILENT })
  try {
    relay.setRelayAdmission(() => true)
    await relay.start()
    await eventually('a relayed address', () => relayedAddress(host), 40_000)
  } finally {
    await waiting.close()
    await relay.stop()
  }
})

test('GOTCHAS 8: a relayed byte is charged to whose stream it is, and beyond an hour’s budget the stream is reset', () => {
  let now = 0
  const quota = relayQuota({ now: () => now }, { maxReservations: 1, maxBytesPerPeerPerHour: 1000 })
  const [peer, other] = ['peer', 'other'] as PeerId[]
  assert.ok(peer && other)
  assert.equal(quota.deniesReservation(peer), true)
  quota.setAdmission(() => true)
  assert.equal(quota.deniesReservation(peer), false)
  const stream = new FakeStream()
  quota.meter(stream as never, peer)
  stream.send(new Uint8Array(400))
  stream.receive(500)
  assert.equal(stream.aborted, false)
  stream.receive(200)
  assert.equal(stream.aborted, true)
  assert.equal(quota.deniesReservation(peer), true)
  assert.equal(quota.deniesRelaying(peer, other), true)
  assert.equal(quota.deniesRelaying(other, peer), true)
  assert.equal(quota.deniesRelaying(other, other), false)
  now += 3600_001
  assert.equal(quota.deniesReservation(peer), false)
})

class FakeStream extends EventTarget {
  aborted = false
  send(_data: Uint8Array): boolean {
    return true
  }
  receive(bytes: number): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(bytes) }))
  }
  abort(): void {
    this.aborted = true
  }
}

test('bad input 75: two homes behind NATs, which nobody can dial, talk through a relay', async (t) => {
  if (skipUnlessNamespaces(t)) return
  await using internet = await Internet.create({ hosts: 1, homes: 2 })
  const [host] = internet.hosts
  const [one, other] = internet.homes
  assert.ok(host && one && other)
  const start = async (at: { spawnNode: typeof one.namespace.spawnNode }, options: Partial<Libp2pHostOptions>) => {
    const process: NamespaceProcess = at.spawnNode(HOST, [JSON.stringify({ bootstrap: 'none', ...options })])
    return { process, ...(await process.call<{ peerId: PeerId; multiaddrs: string[] }>('info')) }
  }
  const relay = await start(host.namespace, { announce: [`/ip4/${host.address}/tcp/4009`] })
  const relays = [`/ip4/${host.address}/tcp/4009/p2p/${relay.peerId}`]
  const a = await start(one.namespace, { relays })
  const b = await start(other.namespace, { relays })
  const address = await eventually('a relayed address', async () => {
    const { multiaddrs } = await b.process.call<{ multiaddrs: string[] }>('info')
    return multiaddrs.find((each) => each.includes(`${host.address}/`) && each.includes('/p2p-circuit/'))
  })
  await a.process.call('dial', { target: address })
  assert.equal(await a.process.call('echo', { peer: b.peerId, bytes: 1_000_000 }), true)
  assert.equal(await b.process.call('echo', { peer: a.peerId, bytes: 1000 }), true)
})
