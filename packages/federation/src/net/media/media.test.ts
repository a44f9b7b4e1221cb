import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64Url } from '@starling/protocol'
import { eventually, testCrypto } from '@starling/testkit'
import { meet, nodes } from '../../../test/net/meet.ts'
import type { TestNodeOptions } from '../../../test/net/test-node.ts'
import { MEDIA_PROTOCOL } from './media-server.ts'

const FILE = Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * 7) % 251)
const ID = encodeBase64Url(testCrypto.sha256(FILE))

async function both(b: TestNodeOptions = { files: { [ID]: FILE } }, a: TestNodeOptions = {}) {
  const { network, all } = await nodes(['a', 'b'], { a, b })
  await meet(network, all[0], all[1])
  return { network, a: all[0], b: all[1] }
}

async function whole(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(bytes))
}

test('a file comes whole, with its type and name', async () => {
  const { a, b } = await both()
  const media = await a.net.remoteServers.media(b.serverName, ID)
  assert.ok(media)
  assert.deepEqual([media.size, media.contentType, media.filename], [FILE.length, 'image/png', 'picture.png'])
  assert.ok((await whole(media.bytes)).equals(FILE))
})

test('no such file is undefined, no such server is unreachable', async () => {
  const { network, a, b } = await both()
  assert.equal(await a.net.remoteServers.media(b.serverName, 'none'), undefined)
  await network.cut(a.host, b.host)
  await assert.rejects(a.net.remoteServers.media(b.serverName, ID), { name: 'RoomError', code: 'unreachable' })
})

test('a file whose stream breaks goes on where it stopped', async () => {
  const { network, a, b } = await both()
  const media = await a.net.remoteServers.media(b.serverName, ID)
  assert.ok(media)
  const chunks: Uint8Array[] = []
  for await (const chunk of media.bytes) {
    chunks.push(chunk)
    if (chunks.length === 3) {
      await network.cut(a.host, b.host)
      network.mend(a.host, b.host)
      await meet(network, a, b)
    }
  }
  assert.ok(Buffer.concat(chunks).equals(FILE))
})

for (const hashCheck of ['on', 'off'] as const) {
  test(`a file that is not what its id says ${hashCheck === 'on' ? 'fails' : 'passes where it is not hashed (twin)'}`, async () => {
    const forged = FILE.map((byte) => byte ^ 1)
    const { a, b } = await both(
      { files: { [ID]: forged } },
      hashCheck === 'off' ? { defences: { hashCheck: 'off' } } : {},
    )
    const media = await a.net.remoteServers.media(b.serverName, ID)
    assert.ok(media)
    if (hashCheck === 'off') assert.equal((await whole(media.bytes)).length, FILE.length)
    else await assert.rejects(whole(media.bytes), { name: 'MediaStreamError', code: 'hash-mismatch' })
  })
}

test('a reader that stops early lets go of the stream', async () => {
  const { a, b } = await both()
  for (let i = 0; i < 20; i++) {
    const media = await a.net.remoteServers.media(b.serverName, ID)
    for await (const chunk of media?.bytes ?? []) if (chunk.length > 0) break
  }
  const media = await a.net.remoteServers.media(b.serverName, ID)
  assert.ok((await whole(media?.bytes ?? (async function* () {})())).equals(FILE))
})

function framed(text: string, length = text.length): Uint8Array {
  const bytes = Buffer.alloc(4 + text.length)
  bytes.writeUInt32BE(length)
  bytes.write(text, 4)
  return bytes
}

const broken: readonly [title: string, bytes: Uint8Array][] = [
  ['bad input 67: a length that lies beyond the bound', framed('{}', 0xffffffff)],
  ['bad input 67: a length that promises more than comes', framed('{}', 1000)],
  ['no JSON', framed('{"media_id"')],
  ['bad input 9: a path for an id', framed('{"media_id":"../../identity","from":0}')],
  ['a range that ends before it begins', framed(`{"media_id":"${ID}","from":5,"to":4}`)],
  ['a negative range', framed(`{"media_id":"${ID}","from":-5}`)],
]

for (const [title, bytes] of broken) {
  test(`${title}: the stream is reset`, async () => {
    const { a, b } = await both()
    await using stream = await a.host.openStream(b.host.peerId, MEDIA_PROTOCOL)
    await stream.write(bytes)
    await stream.closeWrite()
    await assert.rejects(async () => {
      while (await stream.read());
    })
  })
}

test('a range beyond the file is refused, a part of it is served', async () => {
  const { a, b } = await both()
  const ask = async (request: object) => {
    await using stream = await a.host.openStream(b.host.peerId, MEDIA_PROTOCOL)
    await stream.write(framed(JSON.stringify(request)))
    await stream.closeWrite()
    const chunks: Uint8Array[] = []
    for (let chunk = await stream.read(); chunk; chunk = await stream.read()) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const end = 4 + bytes.readUInt32BE()
    return { header: JSON.parse(bytes.subarray(4, end).toString()), body: bytes.subarray(end) }
  }
  assert.equal((await ask({ media_id: ID, from: FILE.length + 1 })).header.status, 416)
  const part = await ask({ media_id: ID, from: 10, to: 20 })
  assert.deepEqual([...part.body], [...FILE.subarray(10, 20)])
})

test('a stranger is served nothing', async () => {
  const { network, b } = await both()
  const stranger = network.host('stranger')
  await stranger.dial(b.host.peerId)
  const stream = await stranger.openStream(b.host.peerId, MEDIA_PROTOCOL)
  await stream.write(framed(`{"media_id":"${ID}","from":0}`))
  await assert.rejects(stream.read())
  await eventually('counted', () => [...b.counted.keys()].some((key) => key.startsWith('media_failed')))
})
