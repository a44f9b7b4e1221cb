import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalBytes, type Ed25519, type JsonObject } from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { nodes } from '../../../test/net/meet.ts'
import { isSignedByOrigin, parseAnswer, sealEnvelope } from './envelope.ts'

const utf8 = new TextEncoder()
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

async function sealed(content: JsonObject) {
  const { all } = await nodes(['a'])
  const [a] = all
  const { keyRing } = a.keys
  const fields = {
    ...{ origin: a.serverName, destination: a.serverName, nonce: 'n'.repeat(22) },
    ...{ origin_server_ts: a.clock.now(), status: 200, content },
  }
  let verified = 0
  const ed25519: Ed25519 = {
    ...testCrypto.ed25519,
    verify: (...args) => {
      verified++
      return testCrypto.ed25519.verify(...args)
    },
  }
  const isSigned = async (bytes: Uint8Array) => {
    const answer = parseAnswer(bytes)
    return answer && isSignedByOrigin(answer, keyRing, ed25519)
  }
  return { bytes: sealEnvelope(fields, keyRing), keyRing, fields, isSigned, checks: () => verified }
}

const CONTENT = { z: 'ü', a: ['"\\', { server_keys: {}, signatures: {}, status: 1 }], '\u{1f600}': 1, '\uffee': 2 }

test('a sealed envelope is the canonical form of the signed object with the keys beside', async () => {
  const { bytes, keyRing, fields, isSigned, checks } = await sealed(CONTENT)
  const whole = { ...keyRing.sign(fields), server_keys: keyRing.ownServerKeys() }
  assert.equal(text(bytes), text(canonicalBytes(whole)))
  assert.equal(await isSigned(bytes), true)
  assert.equal(checks(), 1, 'the bytes that came are those that were signed')
})

test('an envelope that is not in canonical form is verified by its canonical form', async () => {
  const { bytes, isSigned } = await sealed(CONTENT)
  const { signatures, ...rest } = JSON.parse(text(bytes)) as JsonObject
  assert.equal(await isSigned(utf8.encode(JSON.stringify({ signatures, ...rest }, null, 1))), true)
})

test('nothing that the origin did not sign passes, wherever it stands in the bytes', async () => {
  const { bytes, isSigned } = await sealed(CONTENT)
  const original = text(bytes)
  for (const [from, to] of [
    ['"z":"ü"', '"z":"u"'],
    ['"status":200', '"status":403'],
    ['{"content"', '{"added":1,"content"'],
    ['"status":200}', '"status":200,"zz":1}'],
    // What is cut out for the signature may not be moved to another place.
    ['"z":"ü"', '"z":"ü","server_keys":{},"signatures":{}'],
  ] as const) {
    assert.ok(original.includes(from))
    assert.equal(await isSigned(utf8.encode(original.replace(from, to))), false, to)
  }
})
