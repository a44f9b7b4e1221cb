import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Gossip, PeerId, ProtocolLimits, Rendezvous, Transport } from '@starling/federation'
import { eventually } from '../eventually.ts'

export interface HostUnderTest {
  readonly transport: Transport
  readonly gossip: Gossip
  readonly rendezvous: Rendezvous
}

export interface HostsUnderTest {
  /** Three hosts that can dial each other; none is connected yet. */
  readonly hosts: readonly [HostUnderTest, HostUnderTest, HostUnderTest]
  close(): Promise<void>
}

const LIMITS: ProtocolLimits = { maxRequestBytes: 2 * 1024 * 1024, maxConcurrentPerPeer: 4, timeoutMs: 5000 }
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array | undefined) => new TextDecoder().decode(data)

/** Registers the tests that every host (memory, libp2p) passes. `open` gives three new hosts each time. */
export function transportContract(name: string, open: () => Promise<HostsUnderTest>): void {
  const contract = (
    title: string,
    body: (a: HostUnderTest, b: HostUnderTest, c: HostUnderTest) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, async () => {
      const { hosts, close } = await open()
      try {
        await body(...hosts)
      } finally {
        await close()
      }
    })
  }
  connections(contract)
  requests(contract)
  streams(contract)
  gossip(contract)
  rendezvous(contract)
}

type Contract = (title: string, body: (a: HostUnderTest, b: HostUnderTest, c: HostUnderTest) => Promise<void>) => void

async function connect(from: HostUnderTest, to: HostUnderTest): Promise<void> {
  const address = to.transport.multiaddrs()[0]
  assert.ok(address)
  assert.equal(await from.transport.dial(address), to.transport.peerId)
  await eventually('both ends see the connection', () => to.transport.connectedPeers().includes(from.transport.peerId))
}

function connections(contract: Contract): void {
  contract('watchers are told of peers that come, that go, and that were there', async (a, b) => {
    const seen: string[] = []
    const stop = b.transport.watchPeers({
      connected: (peer) => seen.push(`+${peer}`),
      disconnected: (peer) => seen.push(`-${peer}`),
    })
    await connect(a, b)
    await eventually('told of the peer', () => seen.length === 1)
    const late: PeerId[] = []
    b.transport.watchPeers({ connected: (peer) => late.push(peer), disconnected: () => undefined })
    assert.deepEqual(late, [a.transport.peerId])
    await a.transport.disconnect(b.transport.peerId)
    await eventually('told of the loss', () => seen.length === 2)
    assert.deepEqual(seen, [`+${a.transport.peerId}`, `-${a.transport.peerId}`])
    stop()
    await connect(a, b)
    assert.equal(seen.length, 2)
  })

  contract('own addresses end in the own PeerId; nobody answers at an unknown one', async (a) => {
    for (const address of a.transport.multiaddrs()) assert.ok(address.endsWith(`/p2p/${a.transport.peerId}`))
    await assert.rejects(
      a.transport.dial('12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5', { signal: AbortSignal.timeout(3000) }),
    )
  })
}

function requests(contract: Contract): void {
  contract('a request reaches the handler with the authenticated peer, and its answer comes back', async (a, b) => {
    await b.transport.handleRequests('/test/1', LIMITS, async (from, request) => bytes(`${from}:${text(request)}`))
    await connect(a, b)
    const answer = await a.transport.request(b.transport.peerId, '/test/1', bytes('hello'))
    assert.equal(text(answer), `${a.transport.peerId}:hello`)
    const large = new Uint8Array(1024 * 1024).fill(7)
    await b.transport.handleRequests('/test/echo', LIMITS, async (_from, request) => request)
    assert.deepEqual(await a.transport.request(b.transport.peerId, '/test/echo', large), large)
  })

  contract('an unknown protocol, a failing handler and what exceeds a limit fail the request only', async (a, b) => {
    await b.transport.handleRequests('/test/1', { ...LIMITS, maxRequestBytes: 10 }, async (_from, request) => {
      if (text(request) === 'throw') throw new Error('the handler fails')
      return new Uint8Array(1000)
    })
    await connect(a, b)
    const peer = b.transport.peerId
    await assert.rejects(a.transport.request(peer, '/test/none', bytes('x')))
    await assert.rejects(a.transport.request(peer, '/test/1', bytes('throw')))
    await assert.rejects(a.transport.request(peer, '/test/1', bytes('more than ten bytes')))
    await assert.rejects(a.transport.request(peer, '/test/1', bytes('x'), { maxResponseBytes: 999 }))
    assert.equal((await a.transport.request(peer, '/test/1', bytes('x'))).length, 1000)
  })

  contract('a handler that hangs is given up, by the caller or by the limit', async (a, b) => {
    await b.transport.handleRequests('/test/1', { ...LIMITS, timeoutMs: 300 }, () => new Promise(() => undefined))
    await connect(a, b)
    const peer = b.transport.peerId
    await assert.rejects(a.transport.request(peer, '/test/1', bytes('x'), { signal: AbortSignal.timeout(50) }))
    await assert.rejects(a.transport.request(peer, '/test/1', bytes('x')))
  })
}

function streams(contract: Contract): void {
  contract('a stream carries bytes both ways, each half closed on its own', async (a, b) => {
    await b.transport.handleStreams('/test/stream', LIMITS, async (stream) => {
      assert.equal(stream.remotePeer, a.transport.peerId)
      let received = ''
      for (let chunk = await stream.read(); chunk; chunk = await stream.read()) received += text(chunk)
      await stream.write(bytes(`got ${received}`))
      await stream.closeWrite()
    })
    await connect(a, b)
    await using stream = await a.transport.openStream(b.transport.peerId, '/test/stream')
    await stream.write(bytes('one '))
    await stream.write(bytes('two'))
    await stream.closeWrite()
    assert.equal(text(await readAll(() => stream.read())), 'got one two')
  })

  contract('a writer waits for a slow reader, and a reset fails both ends', async (a, b) => {
    const written = { bytes: 0, failed: false }
    await b.transport.handleStreams('/test/stream', { ...LIMITS, timeoutMs: 20_000 }, async (stream) => {
      try {
        for (;;) {
          await stream.write(new Uint8Array(64 * 1024))
          written.bytes += 64 * 1024
        }
      } catch (error) {
        written.failed = true
        throw error
      }
    })
    await connect(a, b)
    const stream = await a.transport.openStream(b.transport.peerId, '/test/stream')
    assert.ok(await stream.read())
    let before = -1
    await eventually('the writer stands still', async () => {
      const still = written.bytes === before
      before = written.bytes
      await new Promise((resolve) => setTimeout(resolve, 50))
      return still
    })
    assert.ok(written.bytes < 64 * 1024 * 1024)
    stream.reset(new Error('enough'))
    await eventually('the writer has failed', () => written.failed)
    await assert.rejects(async () => {
      while (await stream.read());
    })
  })
}

function gossip(contract: Contract): void {
  contract('a topic reaches the admitted only, and follows a review', async (a, b) => {
    const received: string[] = []
    b.gossip.setAdmission(() => true)
    b.gossip.subscribe('topic', (from, data) => {
      assert.equal(from, a.transport.peerId)
      received.push(text(data))
      return 'accept'
    })
    a.gossip.subscribe('topic', () => 'accept')
    await connect(a, b)
    assert.equal((await a.gossip.publish('topic', bytes('before admission'))).recipients, 0)
    let admitted = false
    let asked = 0
    a.gossip.setAdmission((peer, topic) => {
      asked += 1
      return admitted && peer === b.transport.peerId && topic === 'topic'
    })
    await eventually('asked for the subscription', () => asked > 0)
    assert.equal((await a.gossip.publish('topic', bytes('refused'))).recipients, 0)
    admitted = true
    a.gossip.reviewAdmission(b.transport.peerId)
    await eventually(
      'published to the admitted',
      async () => (await a.gossip.publish('topic', bytes('in'))).recipients > 0,
    )
    await eventually('received', () => received.length > 0)
    assert.deepEqual(received, ['in'])
    admitted = false
    a.gossip.reviewAdmission()
    assert.equal((await a.gossip.publish('topic', bytes('after'))).recipients, 0)
    assert.deepEqual(received, ['in'])
  })

  contract('what a validator accepts goes on along a line, what it ignores or rejects does not', async (a, b, c) => {
    const atB: string[] = []
    const atC: string[] = []
    for (const host of [a, b, c]) host.gossip.setAdmission(() => true)
    a.gossip.subscribe('line', () => 'accept')
    b.gossip.subscribe('line', (_from, data) => {
      atB.push(text(data))
      return text(data).startsWith('ignore') ? 'ignore' : text(data).startsWith('reject') ? 'reject' : 'accept'
    })
    c.gossip.subscribe('line', (_from, data) => {
      atC.push(text(data))
      return 'accept'
    })
    await connect(a, b)
    await connect(b, c)
    let n = 0
    await eventually('the line passes a message on', async () => {
      await a.gossip.publish('line', bytes(`warm-up ${n++}`))
      await new Promise((resolve) => setTimeout(resolve, 50))
      return atC.length > 0
    })
    for (const message of ['ignore', 'reject', 'last']) await a.gossip.publish('line', bytes(message))
    await eventually('the last message is at the end of the line', () => atC.includes('last'))
    assert.ok(atB.includes('ignore') && atB.includes('reject'))
    assert.ok(!atC.includes('ignore') && !atC.includes('reject'))
  })

  contract('publishing the same bytes again is not an error', async (a) => {
    a.gossip.subscribe('again', () => 'accept')
    assert.equal((await a.gossip.publish('again', bytes('same'))).recipients, 0)
    assert.equal((await a.gossip.publish('again', bytes('same'))).recipients, 0)
  })
}

function rendezvous(contract: Contract): void {
  contract('what one advertises another finds, and nothing else is found', async (a, b) => {
    await connect(a, b)
    await a.rendezvous.advertise(['p2p:first', 'name:suffix'])
    await eventually('found', () => finds(b, 'name:suffix', a.transport.peerId))
    assert.equal(await finds(b, 'never advertised', a.transport.peerId), false)
  })
}

async function finds(host: HostUnderTest, point: string, peer: PeerId): Promise<boolean> {
  for await (const hint of host.rendezvous.find(point, { signal: AbortSignal.timeout(3000) })) {
    if (hint.peerId === peer) return true
  }
  return false
}

async function readAll(read: () => Promise<Uint8Array | undefined>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for (let chunk = await read(); chunk; chunk = await read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
