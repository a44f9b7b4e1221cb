import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { eventually, Lan, type NamespaceProcess, skipUnlessNamespaces } from '@starling/testkit'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { PUBLIC_NETWORK } from './network-secret.ts'

const HOST = new URL('./testing/host-process.fixture.ts', import.meta.url)
const FORGER = new URL('./testing/mdns-forger.fixture.ts', import.meta.url)

/** A host as a person without any configuration would start it; only the data directory is left out. */
async function startHost(lan: Lan, index: number, options: Partial<Libp2pHostOptions> = {}) {
  const host = lan.node(index).namespace.spawnNode(HOST, [JSON.stringify(options)])
  const { peerId, multiaddrs } = await host.call<{ peerId: string; multiaddrs: string[] }>('info')
  const address = multiaddrs.find((each) => each.includes(lan.node(index).address))
  assert.ok(address)
  return { host, peerId, address }
}

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'starling-lan-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const peersOf = (host: NamespaceProcess) => host.call<string[]>('peers')

const see = (host: NamespaceProcess, peer: string) =>
  eventually(`${peer} is connected`, async () => (await peersOf(host)).includes(peer), 60_000)

const lose = (host: NamespaceProcess, peer: string) =>
  eventually(`${peer} is lost`, async () => !(await peersOf(host)).includes(peer), 60_000)

/** Publishes until the other has one of them: the first ones may come before the subscription. */
async function gossipReaches(from: NamespaceProcess, to: NamespaceProcess, topic: string): Promise<void> {
  let round = 0
  const prefix = `${Math.random()}`
  await eventually('a message arrives', async () => {
    await from.call('publish', { topic, text: `${prefix} ${round++}` })
    const received = await to.call<{ topic: string; text: string }[]>('received')
    return received.some((message) => message.topic === topic && message.text.startsWith(prefix))
  })
}

suite('hosts on a LAN', { concurrency: 3 }, () => {
  test('two hosts on a LAN without internet and without configuration meet, find each other and talk', async (t) => {
    if (skipUnlessNamespaces(t)) return
    await using lan = await Lan.create(2)
    const [a, b] = await Promise.all([startHost(lan, 0), startHost(lan, 1)])
    const begun = performance.now()
    await Promise.all([see(a.host, b.peerId), see(b.host, a.peerId)])
    t.diagnostic(`met ${Math.round(performance.now() - begun)} ms after both listened`)
    await b.host.call('advertise', { points: ['p2p:b', 'Bea:1234567'] })
    const asked = performance.now()
    assert.deepEqual(await a.host.call('find', { point: 'Bea:1234567' }), [b.peerId])
    t.diagnostic(`found in ${Math.round(performance.now() - asked)} ms`)
    assert.deepEqual(await a.host.call('find', { point: 'p2p:nobody' }), [])
    assert.equal(await a.host.call('echo', { peer: b.peerId, bytes: 1_000_000 }), true)
    for (const { host } of [a, b]) await host.call('subscribe', { topic: 'room' })
    await gossipReaches(a.host, b.host, 'room')
  })

  test('GOTCHAS 6: a pulled cable and a restart are healed: both are connected again and gossip flows both ways', async (t) => {
    if (skipUnlessNamespaces(t)) return
    await using lan = await Lan.create(2)
    await using directory = await temporaryDirectory()
    const kept = { datastoreDirectory: directory.path }
    const [a, b] = await Promise.all([startHost(lan, 0), startHost(lan, 1, kept)])
    for (const { host } of [a, b]) await host.call('subscribe', { topic: 'room' })
    await Promise.all([see(a.host, b.peerId), see(b.host, a.peerId)])
    await lan.cutLink(1)
    await Promise.all([lose(a.host, b.peerId), lose(b.host, a.peerId)])
    await lan.healLink(1)
    await Promise.all([see(a.host, b.peerId), see(b.host, a.peerId)])
    await gossipReaches(a.host, b.host, 'room')
    await gossipReaches(b.host, a.host, 'room')
    await b.host.stop()
    await lose(a.host, b.peerId)
    const again = await startHost(lan, 1, kept)
    assert.equal(again.peerId, b.peerId)
    await see(a.host, b.peerId)
  })

  test('bad input 71: a half-open connection is noticed, and made anew when the other is back', async (t) => {
    if (skipUnlessNamespaces(t)) return
    await using lan = await Lan.create(2)
    const [a, b] = await Promise.all([startHost(lan, 0), startHost(lan, 1)])
    await Promise.all([see(a.host, b.peerId), see(b.host, a.peerId)])
    await lan.dropBetween(0, 1)
    const begun = performance.now()
    await Promise.all([lose(a.host, b.peerId), lose(b.host, a.peerId)])
    t.diagnostic(`noticed after ${Math.round((performance.now() - begun) / 1000)} s`)
    await lan.healBetween(0, 1)
    await see(a.host, b.peerId)
  })

  test('A–B and B–C are connected, A–C are not: gossip goes through B, and A is told of C by B', async (t) => {
    if (skipUnlessNamespaces(t)) return
    await using lan = await Lan.create(3)
    await lan.dropBetween(0, 2)
    const [a, b, c] = await Promise.all([startHost(lan, 0), startHost(lan, 1), startHost(lan, 2)])
    for (const { host } of [a, b, c]) await host.call('subscribe', { topic: 'room' })
    await Promise.all([see(a.host, b.peerId), see(b.host, c.peerId)])
    await gossipReaches(a.host, c.host, 'room')
    await gossipReaches(c.host, a.host, 'room')
    await c.host.call('advertise', { points: ['Cleo:7654321'] })
    assert.deepEqual(await a.host.call('find', { point: 'Cleo:7654321' }), [c.peerId])
    assert.deepEqual(await peersOf(a.host), [b.peerId])
  })

  test('a network secret: the same one talks, another one or none does not, neither by mDNS nor by address', async (t) => {
    if (skipUnlessNamespaces(t)) return
    await using lan = await Lan.create(4)
    const secret = (networkSecret: string) => ({ networkSecret, bootstrap: 'none' as const })
    const [a, b, other, none] = await Promise.all([
      startHost(lan, 0, secret('the same words')),
      startHost(lan, 1, secret('the same words')),
      startHost(lan, 2, secret('other words')),
      startHost(lan, 3),
    ])
    await Promise.all([see(a.host, b.peerId), see(b.host, a.peerId)])
    assert.equal(await a.host.call('echo', { peer: b.peerId, bytes: 8 * 1024 * 1024 }), true)
    await b.host.call('advertise', { points: ['private point'] })
    assert.deepEqual(await a.host.call('find', { point: 'private point' }), [b.peerId])
    for (const stranger of [other, none]) {
      await assert.rejects(stranger.host.call('dial', { target: a.address, timeoutMs: 3000 }))
      await assert.rejects(a.host.call('dial', { target: stranger.address, timeoutMs: 3000 }))
      assert.deepEqual(await peersOf(stranger.host), [])
      assert.deepEqual(await stranger.host.call('find', { point: 'private point', timeoutMs: 1000 }), [])
    }
    // The twin: what the secret keeps apart meets without one.
    const open = await startHost(lan, 2)
    await see(open.host, none.peerId)
  })

  test('GOTCHAS 14: an mDNS answer can offer the answerer’s own host only, and nonsense in it harms nothing', async (t) => {
    if (skipUnlessNamespaces(t)) return
    await using lan = await Lan.create(3)
    const forger = lan.node(1).namespace.spawnNode(FORGER)
    const bystander = lan.node(2).namespace.spawnNode(FORGER)
    const [own, other] = await Promise.all([forger.call<number>('port'), bystander.call<number>('port')])
    const peer = (letter: string) => `12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ${letter}`
    await forger.call('forge', {
      own: lan.node(1).address,
      tag: PUBLIC_NETWORK.mdnsServiceTag,
      texts: [
        'dnsaddr=nonsense',
        'dnsaddr=/ip4/999.1.1.1/tcp/1',
        'no dnsaddr',
        `dnsaddr=/ip4/127.0.0.1/tcp/${own}/p2p/${peer('5')}`,
        `dnsaddr=/ip4/${lan.node(2).address}/tcp/${other}/p2p/${peer('5')}`,
        `dnsaddr=/ip4/${lan.node(1).address}/tcp/${own}/p2p/${peer('5')}`,
      ],
    })
    const { host } = await startHost(lan, 0)
    // The twin is in the same answer: its own port is knocked at, the bystander's is not.
    await eventually('knocked', async () => (await forger.call<number>('knocks')) >= 2, 40_000)
    assert.equal(await bystander.call('knocks'), 0)
    assert.deepEqual(await peersOf(host), [])
  })
})
