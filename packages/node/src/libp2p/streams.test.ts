import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { ByteStream } from '@starling/federation'
import { eventually } from '@starling/testkit'
import type { Libp2pHost } from './host.ts'
import { openLoopbackHosts } from './testing/loopback-hosts.ts'
import { openStockPeer } from './testing/stock-peer.ts'

const PROTOCOL = '/test/stream/1'
const LIMITS = { maxRequestBytes: 64 * 1024 * 1024, maxConcurrentPerPeer: 2, timeoutMs: 5000 } as const

async function withConnected(body: (client: Libp2pHost, server: Libp2pHost) => Promise<void>): Promise<void> {
  const { hosts, close } = await openLoopbackHosts(2)
  const [client, server] = hosts
  assert.ok(client && server)
  try {
    await client.transport.dial(server.transport.multiaddrs()[0] ?? '')
    await body(client, server)
  } finally {
    await close()
  }
}

const opened = (client: Libp2pHost, server: Libp2pHost) => client.transport.openStream(server.peerId, PROTOCOL)

async function digest(stream: ByteStream): Promise<string> {
  const hash = createHash('sha256')
  for (let chunk = await stream.read(); chunk; chunk = await stream.read()) hash.update(chunk)
  return hash.digest('hex')
}

test('32 MiB arrive whole and in order, read slowly at first', async () => {
  await withConnected(async (client, server) => {
    const block = Buffer.alloc(1024 * 1024, 'starling')
    const result = Promise.withResolvers<string>()
    await server.transport.handleStreams(PROTOCOL, LIMITS, async (stream) => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      result.resolve(await digest(stream))
    })
    await using stream = await opened(client, server)
    const expected = createHash('sha256')
    for (let index = 0; index < 32; index++) {
      const bytes = Buffer.from(block)
      bytes.writeUInt32BE(index)
      expected.update(bytes)
      await stream.write(bytes)
    }
    await stream.closeWrite()
    assert.equal(await result.promise, expected.digest('hex'))
    assert.equal(await stream.read(), undefined)
  })
})

test('GOTCHAS 16: a writer is held back the second time, too', async () => {
  await withConnected(async (client, server) => {
    const slow = Promise.withResolvers<ByteStream>()
    const done = Promise.withResolvers<void>()
    await server.transport.handleStreams(PROTOCOL, { ...LIMITS, timeoutMs: 30_000 }, async (stream) => {
      slow.resolve(stream)
      await done.promise
    })
    await using stream = await opened(client, server)
    let written = 0
    const writing = (async () => {
      for (let index = 0; index < 400; index++) {
        await stream.write(new Uint8Array(64 * 1024))
        written++
      }
    })()
    const reader = await slow.promise
    const standstill = async () => {
      let before = -1
      await eventually('standstill', async () => {
        const still = before === written
        before = written
        await new Promise((resolve) => setTimeout(resolve, 100))
        return still
      })
      return written
    }
    const first = await standstill()
    assert.ok(first < 200, `${first} blocks written to nobody`)
    let read = 0
    while (read < 2 * 1024 * 1024) read += (await reader.read())?.byteLength ?? 0
    const second = await standstill()
    assert.ok(second > first && second < 300, `${second} blocks written while 2 MiB were read`)
    while (read < 400 * 64 * 1024) read += (await reader.read())?.byteLength ?? 0
    await writing
    done.resolve()
  })
})

test('GOTCHAS 16, twin: by libp2p’s own onDrain it is not', async () => {
  const { hosts, close } = await openLoopbackHosts(1)
  await using client = await openStockPeer()
  const [server] = hosts
  assert.ok(server)
  try {
    const slow = Promise.withResolvers<ByteStream>()
    const done = Promise.withResolvers<void>()
    await server.transport.handleStreams(PROTOCOL, { ...LIMITS, timeoutMs: 30_000 }, async (stream) => {
      slow.resolve(stream)
      await done.promise
    })
    await client.connect(server)
    const stream = await client.node.getConnections()[0]?.newStream(PROTOCOL)
    assert.ok(stream)
    const reader = await slow.promise
    for (let index = 0; index < 32; index++) stream.send(new Uint8Array(64 * 1024))
    const drained = stream.onDrain()
    let read = 0
    while (read < 1024 * 1024) read += (await reader.read())?.byteLength ?? 0
    await drained
    for (let index = 0; index < 400; index++) {
      if (!stream.send(new Uint8Array(64 * 1024))) await stream.onDrain()
    }
    assert.ok(stream.writeBufferLength > 10 * 1024 * 1024, `${stream.writeBufferLength} bytes pile up`)
    stream.abort(new Error('enough'))
    done.resolve()
  } finally {
    await close()
  }
})

test('a remote that sends more than it may is reset; one that stalls is given up', async () => {
  await withConnected(async (client, server) => {
    const outcomes: unknown[] = []
    const limits = { maxRequestBytes: 100_000, maxConcurrentPerPeer: 2, timeoutMs: 300 }
    await server.transport.handleStreams(PROTOCOL, limits, async (stream) => {
      try {
        while (await stream.read());
        outcomes.push('ended')
      } catch (error) {
        outcomes.push(error instanceof Error && 'code' in error ? error.code : error)
        throw error
      }
    })
    const greedy = await opened(client, server)
    await greedy.write(new Uint8Array(200_000))
    await assert.rejects(async () => {
      while (await greedy.read());
    })
    await using stalled = await opened(client, server)
    await stalled.write(Uint8Array.of(1))
    await assert.rejects(async () => {
      while (await stalled.read());
    })
    assert.deepEqual(outcomes, ['too-large', 'timeout'])
  })
})
