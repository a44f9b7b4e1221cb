import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { nodeCrypto } from '@starling/node'
import { decodeBase64, encodeBase64, type JsonObject, serverNameFromPublicKey, signingKeyIds } from '@starling/protocol'
import { EDGE_CASES, malleated, SMALL_ORDER_KEYS } from '../../src/hostile/ed25519-edge-cases.ts'
import { laxVerify } from '../../src/hostile/lax-ed25519.ts'
import { VirtualNodes } from '../../src/hostile/virtual-nodes.ts'
import { testCrypto } from '../../src/test-crypto.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const REQUEST_PROTOCOL = '/starling/request/1'

for (const { what, message, publicKey, signature, valid } of EDGE_CASES) {
  test(`bad input 43: a signature with ${what} is ${valid ? 'valid' : 'refused'}`, () => {
    for (const { ed25519 } of [nodeCrypto, testCrypto]) {
      assert.equal(ed25519.verify(hex(publicKey), hex(message), hex(signature)), valid)
    }
  })
}

test('bad input 43: a key of small order signs nothing, in any of its forms', () => {
  const message = new TextEncoder().encode('anything')
  for (const key of SMALL_ORDER_KEYS) {
    for (const r of [key, SMALL_ORDER_KEYS[0] ?? '']) {
      const signature = hex(r + '00'.repeat(32))
      assert.equal(nodeCrypto.ed25519.verify(hex(key), message, signature), false, `${key} with R ${r}`)
    }
  }
})

test('bad input 43, twin: a lax verifier takes what libsodium refuses, which is why there is one rule', () => {
  const lax = EDGE_CASES.filter(({ message, publicKey, signature }) => {
    return laxVerify(hex(publicKey), hex(message), hex(signature))
  })
  assert.ok(lax.length >= 7, `of ${EDGE_CASES.length} cases it takes ${lax.length}`)
  const message = new TextEncoder().encode('anything')
  for (const key of SMALL_ORDER_KEYS) {
    assert.ok(laxVerify(hex(key), message, hex((SMALL_ORDER_KEYS[0] ?? '') + '00'.repeat(32))), key)
  }
  const seed = new Uint8Array(32).fill(3)
  const [key, signature] = [testCrypto.ed25519.publicKey(seed), testCrypto.ed25519.sign(seed, message)]
  assert.equal(laxVerify(key, message, signature), true)
  assert.equal(laxVerify(key, message, malleated(signature)), true)
  assert.equal(nodeCrypto.ed25519.verify(key, message, malleated(signature)), false)
  assert.equal(laxVerify(key, new TextEncoder().encode('another'), signature), false)
})

/** Each place where a stranger's signature decides: what is done with one whose S is not canonical. */
test('bad input 43: the rule holds for events, server keys, requests and EDU batches alike', async (t) => {
  const { a, b, net, roomId, topic } = await twoNodes(t)
  const frames: Uint8Array[] = []
  const serve = b.host.serve.bind(b.host)
  b.host.serve = (from, protocol, request) => {
    if (protocol === REQUEST_PROTOCOL) frames.push(request)
    return serve(from, protocol, request)
  }
  await a.net.remoteServers.profile(b.userId)
  const [frame = assert.fail()] = frames
  const messages: Uint8Array[] = []
  const hear = b.host.hear.bind(b.host)
  b.host.hear = (_from, _topic, data) => {
    messages.push(data)
    return Promise.resolve('ignore')
  }
  await a.say(roomId, 'signed')
  await net.settle()
  await a.net.roomGossip.publishEdus(roomId, [
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: a.userId, typing: true } },
  ])
  await net.settle()
  const [event = assert.fail(), batch = assert.fail()] = messages
  for (const [what, bytes] of [
    ['event', event],
    ['batch', batch],
  ] as const) {
    assert.equal(await hear(a.host.peerId, topic, bent(bytes)), 'reject', what)
    // Twin: as it was signed, the very same is taken.
    assert.equal(await hear(a.host.peerId, topic, bytes), 'accept', what)
  }
  await assert.rejects(serve(a.host.peerId, REQUEST_PROTOCOL, bent(frame)), { code: 'bad-signature' })
  const keys = a.keys.keyRing.ownServerKeys()
  assert.deepEqual(await b.keys.keyRing.admit(bentJson(keys)), { ok: false, reason: 'bad-signature' })
  assert.equal((await b.keys.keyRing.admit(keys)).ok, true)
})

test('bad input 43: a server named by a key that everybody can sign for is nobody', async (t) => {
  const { b } = await twoNodes(t)
  for (const key of SMALL_ORDER_KEYS) {
    const name = serverNameFromPublicKey(hex(key))
    const anybodys = encodeBase64(hex((SMALL_ORDER_KEYS[0] ?? '') + '00'.repeat(32)))
    const keys = {
      ...b.keys.keyRing.ownServerKeys(),
      server_name: name,
      signatures: { [name]: { 'ed25519:identity': anybodys } },
    }
    assert.deepEqual(await b.keys.keyRing.admit(keys), { ok: false, reason: 'bad-signature' })
  }
})

async function twoNodes(t: TestContext) {
  const net = new VirtualNodes()
  t.after(() => net.stop())
  const [a, b] = [await net.add('a'), await net.add('b')]
  const roomId = await a.createRoom('12')
  await net.settle()
  await b.join(roomId, a)
  await net.settle()
  return { net, a, b, roomId, topic: b.host.topics.at(-1) ?? assert.fail() }
}

function bent(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(bentJson(JSON.parse(Buffer.from(bytes).toString()) as JsonObject)))
}

/** Every signature of the object with a larger S. */
function bentJson(json: JsonObject): JsonObject {
  const signatures = Object.entries(json.signatures as JsonObject).map(([server, byKey]) => [
    server,
    Object.fromEntries(
      signingKeyIds(json, server).map((keyId) => {
        const signature = decodeBase64(String((byKey as JsonObject)[keyId])) ?? assert.fail()
        return [keyId, encodeBase64(malleated(signature))]
      }),
    ),
  ])
  return { ...json, signatures: Object.fromEntries(signatures) }
}
