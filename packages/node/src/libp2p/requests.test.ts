import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lpStream } from '@libp2p/utils'
import { eventually } from '@starling/testkit'
import type { Libp2pHost } from './host.ts'
import { openLoopbackHosts } from './testing/loopback-hosts.ts'
import { openStockPeer, type StockPeer } from './testing/stock-peer.ts'

const PROTOCOL = '/test/request/1'
const LIMITS = { maxRequestBytes: 1000, maxConcurrentPerPeer: 2, timeoutMs: 1000 } as const

async function withRawClient(body: (host: Libp2pHost, client: StockPeer) => Promise<void>): Promise<void> {
  const { hosts, close } = await openLoopbackHosts(1)
  await using client = await openStockPeer()
  try {
    assert.ok(hosts[0])
    await client.connect(hosts[0])
    await body(hosts[0], client)
  } finally {
    await close()
  }
}

async function openRaw(client: StockPeer) {
  const [connection] = client.node.getConnections()
  assert.ok(connection)
  const stream = await connection.newStream(PROTOCOL)
  const closed = Promise.withResolvers<string>()
  stream.addEventListener('close', ({ error }) => closed.resolve(error?.name ?? 'closed'))
  return { stream, closed: closed.promise }
}

test('bad input 67: a frame that lies about its length resets the stream; the next request is served', async () => {
  await withRawClient(async (host, client) => {
    let handled = 0
    await host.transport.handleRequests(PROTOCOL, LIMITS, async (_from, request) => {
      handled++
      return request
    })
    // 4 GiB; a varint that never ends; more than the limit; less than was promised.
    const lies: readonly (readonly number[])[] = [
      [0x80, 0x80, 0x80, 0x80, 0x10],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0xe9, 0x07],
      [100, 1, 2, 3],
    ]
    for (const lie of lies) {
      const { stream, closed } = await openRaw(client)
      stream.send(Uint8Array.from(lie))
      assert.equal(await closed, 'StreamResetError', `${lie}`)
    }
    assert.equal(handled, 0)
    const { stream } = await openRaw(client)
    const frames = lpStream(stream)
    await frames.write(Uint8Array.of(7))
    assert.deepEqual([...(await frames.read()).subarray()], [7])
  })
})

test('bad input 67, twin: without the limit the lie is believed and waited for', async () => {
  await withRawClient(async (host, client) => {
    const limits = { ...LIMITS, maxRequestBytes: 2 ** 40, timeoutMs: 600_000 }
    await host.transport.handleRequests(PROTOCOL, limits, async (_from, request) => request)
    const { stream, closed } = await openRaw(client)
    stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10))
    const { stream: honest } = await openRaw(client)
    const frames = lpStream(honest)
    await frames.write(Uint8Array.of(7))
    await frames.read()
    assert.equal(stream.status, 'open')
    stream.abort(new Error('enough'))
    await closed
  })
})

test('an answer longer than the asker takes fails the request, whatever the answerer says of its length', async () => {
  await withRawClient(async (host, client) => {
    await client.node.handle(PROTOCOL, async (stream) => {
      stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10))
    })
    const peer = client.node.peerId.toString() as Libp2pHost['peerId']
    await assert.rejects(host.transport.request(peer, PROTOCOL, Uint8Array.of(1), { maxResponseBytes: 10 }), {
      name: 'TransportError',
      code: 'too-large',
    })
  })
})

test('GOTCHAS 4: a request whose sender closed its half at once is answered', async () => {
  await withRawClient(async (host, client) => {
    await host.transport.handleRequests(PROTOCOL, LIMITS, async (_from, request) => request)
    const { stream } = await openRaw(client)
    const frames = lpStream(stream)
    await frames.write(Uint8Array.of(1, 2, 3))
    await stream.close()
    assert.deepEqual([...(await frames.read()).subarray()], [1, 2, 3])
  })
})

test('GOTCHAS 4, twin: a handler that reads such a stream by `for await` never gets to its end', async () => {
  await withRawClient(async (host, client) => {
    const halfClosed = Promise.withResolvers<void>()
    let ended = false
    await client.node.handle(PROTOCOL, async (stream) => {
      await eventually('half closed', () => stream.remoteWriteStatus !== 'writable')
      halfClosed.resolve()
      for await (const _ of stream);
      ended = true
    })
    const peer = client.node.peerId.toString() as Libp2pHost['peerId']
    const signal = AbortSignal.timeout(1500)
    await assert.rejects(host.transport.request(peer, PROTOCOL, Uint8Array.of(1), { signal }))
    await halfClosed.promise
    assert.equal(ended, false)
  })
})

test('one peer has so many requests under way at once; more are refused, others are served', async () => {
  const { hosts, close } = await openLoopbackHosts(3)
  const [server, busy, other] = hosts
  assert.ok(server && busy && other)
  try {
    const release = Promise.withResolvers<void>()
    let waiting = 0
    const limits = { ...LIMITS, timeoutMs: 20_000 }
    await server.transport.handleRequests(PROTOCOL, limits, async (from, request) => {
      if (from === busy.peerId) {
        waiting++
        await release.promise
      }
      return request
    })
    for (const host of [busy, other]) await host.transport.dial(server.transport.multiaddrs()[0] ?? '')
    const ask = (from: Libp2pHost) => from.transport.request(server.peerId, PROTOCOL, Uint8Array.of(1))
    const held = [ask(busy), ask(busy)]
    await eventually('two are under way', () => waiting === 2)
    await assert.rejects(ask(busy), { code: 'reset' })
    await ask(other)
    release.resolve()
    await Promise.all(held)
    await ask(busy)
    assert.equal(waiting, 3)
  } finally {
    await close()
  }
})

test('errors say what failed: unknown protocol, nobody there, own signal, nonsense', async () => {
  const { hosts, close } = await openLoopbackHosts(2)
  const [a, b] = hosts
  assert.ok(a && b)
  try {
    await a.transport.dial(b.transport.multiaddrs()[0] ?? '')
    const one = Uint8Array.of(1)
    await assert.rejects(a.transport.request(b.peerId, '/none', one), { code: 'unsupported' })
    await b.transport.handleRequests(PROTOCOL, LIMITS, () => new Promise(() => undefined))
    const signal = AbortSignal.timeout(50)
    await assert.rejects(a.transport.request(b.peerId, PROTOCOL, one, { signal }), { code: 'timeout' })
    await assert.rejects(a.transport.dial('not a peer'), { code: 'bad-address' })
    await assert.rejects(a.transport.dial('/ip4/127.0.0.1/tcp/1'), { code: 'bad-address' })
    const nobody = `/ip4/127.0.0.1/tcp/1/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5`
    await assert.rejects(a.transport.dial(nobody), { code: 'unreachable' })
  } finally {
    await close()
  }
})
