import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lpStream } from '@libp2p/utils'
import type { PeerHint, PeerId } from '@starling/federation'
import { eventually } from '@starling/testkit'
import type { Libp2pHost } from './host.ts'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { NEIGHBOURS_PROTOCOL } from './neighbours.ts'
import { joinedRendezvous } from './rendezvous.ts'
import { openLoopbackHosts, SILENT } from './testing/loopback-hosts.ts'
import { openStockPeer } from './testing/stock-peer.ts'

const PRIVATE: Partial<Libp2pHostOptions> = { networkSecret: 'for tests' }

/** Hosts in a row, each connected to the next only. */
async function withRow(
  count: number,
  options: Partial<Libp2pHostOptions>,
  body: (hosts: readonly Libp2pHost[]) => Promise<void>,
): Promise<void> {
  const { hosts, close } = await openLoopbackHosts(count, options)
  try {
    for (const [index, host] of hosts.slice(1).entries()) {
      await host.transport.dial(hosts[index]?.transport.multiaddrs()[0] ?? '')
    }
    await body(hosts)
  } finally {
    await close()
  }
}

async function find(host: Libp2pHost | undefined, point: string): Promise<PeerHint[]> {
  const hints: PeerHint[] = []
  for await (const hint of host?.rendezvous.find(point, { signal: AbortSignal.timeout(5000) }) ?? []) hints.push(hint)
  return hints
}

test('a neighbour and a neighbour’s neighbour are found without any DHT, with addresses, until they leave or change', async () => {
  await withRow(3, {}, async ([a, b, c]) => {
    assert.ok(a && b && c)
    await c.rendezvous.advertise(['p2p:c', 'Cleo:1234567'])
    for (const host of [a, b]) {
      const hints = await eventually('found', async () => {
        const found = await find(host, 'Cleo:1234567')
        return found.length > 0 && found
      })
      assert.deepEqual(
        hints.map(({ peerId }) => peerId),
        [c.peerId],
      )
      assert.ok(hints[0]?.multiaddrs.length)
    }
    await c.rendezvous.advertise(['p2p:c'])
    assert.deepEqual(await find(a, 'Cleo:1234567'), [])
    await c.stop()
    await eventually('gone', async () => (await find(a, 'p2p:c')).length === 0)
  })
})

test('GOTCHAS 13: in a private network the DHT finds who is too far for neighbours', async () => {
  await withRow(5, PRIVATE, async (hosts) => {
    await hosts[4]?.rendezvous.advertise(['p2p:far'])
    const hints = await eventually('found', async () => {
      const found = await find(hosts[0], 'p2p:far')
      return found.length > 0 && found
    })
    assert.deepEqual(
      hints.map(({ peerId }) => peerId),
      [hosts[4]?.peerId],
    )
    assert.deepEqual(await find(hosts[0], 'p2p:nobody'), [])
  })
})

test('GOTCHAS 13, twin: without a DHT it is not found', async () => {
  await withRow(5, {}, async (hosts) => {
    await hosts[4]?.rendezvous.advertise(['p2p:far'])
    await eventually('found nearer by', async () => (await find(hosts[2], 'p2p:far')).length > 0)
    assert.deepEqual(await find(hosts[0], 'p2p:far'), [])
  })
})

test('GOTCHAS 2: a healthy connection outlives the rounds of the connection monitor', async () => {
  await withRow(2, PRIVATE, async ([a, b]) => {
    assert.ok(a && b)
    let lost = 0
    a.transport.watchPeers({ connected: () => undefined, disconnected: () => lost++ })
    // The monitor's interval and its timeout are 10 s each.
    await new Promise((resolve) => setTimeout(resolve, 23_000))
    assert.equal(lost, 0)
    assert.deepEqual(a.transport.connectedPeers(), [b.peerId])
  })
})

test('a neighbour’s nonsense, floods and lies are bounded, and honest ones are found beside them', async () => {
  const { hosts, close } = await openLoopbackHosts(2)
  await using liar = await openStockPeer()
  const [host, honest] = hosts
  assert.ok(host && honest)
  try {
    await liar.node.handle(NEIGHBOURS_PROTOCOL, async (stream) => {
      const frames = lpStream(stream)
      await frames.read()
      const made = Array.from({ length: 200 }, (_, index) => ({
        peerId: `made up ${index}`,
        multiaddrs: [7, null, 'x'],
      }))
      await frames.write(new TextEncoder().encode(JSON.stringify({ hints: [null, 1, 'text', {}, ...made] })))
      await stream.close()
    })
    await liar.connect(host)
    await host.transport.dial(honest.transport.multiaddrs()[0] ?? '')
    await honest.rendezvous.advertise(['p2p:x'])
    await eventually('both are there', () => host.transport.connectedPeers().length === 2)
    for (const said of ['', 'nonsense', 'null', '7', '[]', '{"advertise":[1,null,{}]}', `"${'x'.repeat(20_000)}"`]) {
      const stream = await liar.node.getConnections()[0]?.newStream(NEIGHBOURS_PROTOCOL)
      assert.ok(stream)
      await lpStream(stream).write(new TextEncoder().encode(said))
      stream.abort(new Error('said'))
    }
    const hints = await find(host, 'p2p:x')
    assert.ok(hints.some(({ peerId }) => peerId === honest.peerId))
    assert.ok(hints.length <= 17, `${hints.length} hints`)
    for (const { multiaddrs } of hints) assert.ok(multiaddrs.every((address) => typeof address === 'string'))
  } finally {
    await close()
  }
})

test('finders are asked at once: a slow one holds up nothing, a peer is told once, and leaving early ends them all', async () => {
  const hint = (peerId: string): PeerHint => ({ peerId: peerId as PeerId, multiaddrs: [] })
  let ended = 0
  const finder = (find: (signal?: AbortSignal) => AsyncIterable<PeerHint>) => ({
    advertise: async () => undefined,
    find: (_point: string, options?: { readonly signal?: AbortSignal }) => find(options?.signal),
  })
  const never = finder(async function* (signal) {
    const { promise, resolve } = Promise.withResolvers<void>()
    signal?.addEventListener('abort', () => {
      ended++
      resolve()
    })
    await promise
    yield* []
  })
  const quick = finder(async function* () {
    yield* [hint('a'), hint('b'), hint('a')]
  })
  const broken = finder(async function* () {
    yield hint('b')
    throw new Error('this one later')
  })
  const joined = joinedRendezvous([never, quick, broken, quick], SILENT)
  const found: string[] = []
  for await (const { peerId } of joined.find('point')) if (found.push(peerId) === 2) break
  assert.deepEqual(found.sort(), ['a', 'b'])
  assert.equal(ended, 1)
  for await (const _ of joined.find('point', { signal: AbortSignal.timeout(100) }));
  assert.equal(ended, 2)
})
