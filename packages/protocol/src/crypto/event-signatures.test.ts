import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pdu } from '../events/pdu.ts'
import { redact } from '../events/redact.ts'
import { requiredSigners } from '../events/required-signers.ts'
import { decodeBase64, encodeBase64 } from '../ids/base64.ts'
import type { EventId, KeyId, ServerName } from '../ids/branded.ts'
import type { JsonObject } from '../json/value.ts'
import { signerOf, TestRoom, userId } from '../testing/room-builder.ts'
import { sodiumCrypto } from '../testing/sodium-crypto.ts'
import { signEvent, verifyEventSignature } from './sign-event.ts'
import { signatureOf, signingKeyIds, signJson, verifyJsonSignature } from './sign-json.ts'

const alice = userId('alice')
const bob = userId('bob', 'b.test')
const signer = signerOf(alice)
const publicKey = sodiumCrypto.ed25519.publicKey(signer.seed)
const { ed25519 } = sodiumCrypto

function message(version = '12'): { room: TestRoom; pdu: Pdu } {
  const room = new TestRoom(version)
  room.create(alice)
  room.member(alice, 'join')
  return { room, pdu: room.add({ type: 'm.room.message', sender: alice, content: { body: 'x' } }) }
}

test('bad input 33: a bad signature is told from a good one', () => {
  const { room, pdu } = message()
  const verify = (event: JsonObject, key = publicKey, keyId = 'ed25519:1', server = 'a.test'): boolean =>
    verifyEventSignature(event, server, keyId, key, room.rules, ed25519)
  assert.equal(verify(pdu.json), true)
  // The full event and its redacted form carry the same signature.
  assert.equal(verify(redact(pdu.json, room.rules)), true)
  assert.equal(verify({ ...pdu.json, depth: pdu.depth + 1 }), false)
  assert.equal(verify({ ...pdu.json, sender: bob }), false)
  assert.equal(verify({ ...pdu.json, hashes: { sha256: 'x' } }), false)
  assert.equal(verify(pdu.json, sodiumCrypto.ed25519.publicKey(signerOf(bob).seed)), false)
  assert.equal(verify(pdu.json, publicKey, 'ed25519:2'), false)
  assert.equal(verify(pdu.json, publicKey, 'ed25519:1', 'b.test'), false)
  assert.equal(verify(pdu.json, publicKey, '__proto__', '__proto__'), false)
  assert.equal(verify(pdu.json, publicKey, 'x', 'constructor'), false)
  assert.equal(verify(pdu.json, new Uint8Array(31)), false)
  for (const signature of ['', '?', 'AAAA', encodeBase64(new Uint8Array(63)), encodeBase64(new Uint8Array(64)), 3]) {
    assert.equal(verify({ ...pdu.json, signatures: { 'a.test': { 'ed25519:1': signature } } }), false)
  }
  for (const signatures of [undefined, 1, [], { 'a.test': 1 }, { 'a.test': null }]) {
    assert.equal(verify({ ...pdu.json, signatures }), false)
  }
  assert.equal(verify({ ...pdu.json, depth: 1.5 }), false)
})

test('bad input 36: the signature that counts is that of the sender’s server', () => {
  const { room, pdu } = message()
  assert.deepEqual([...requiredSigners(pdu, room.rules)], ['a.test'])
  const { signatures: _, ...unsigned } = pdu.json
  const byOther = signEvent(unsigned, signerOf(bob), room.rules, ed25519)
  const otherKey = ed25519.publicKey(signerOf(bob).seed)
  // Twin: it is a good signature, of the wrong server.
  assert.equal(verifyEventSignature(byOther, 'b.test', 'ed25519:1', otherKey, room.rules, ed25519), true)
  for (const server of requiredSigners(pdu, room.rules)) assert.deepEqual(signingKeyIds(byOther, server), [])
})

test('required signers: restricted joins, third-party invites, versions 1 and 2', () => {
  const room = new TestRoom('10')
  room.create(alice)
  const restricted = room.member(bob, 'join', bob, { join_authorised_via_users_server: alice })
  assert.deepEqual([...requiredSigners(restricted, room.rules)].sort(), ['a.test', 'b.test'])
  const malformed = room.member(bob, 'join', bob, { join_authorised_via_users_server: 3 })
  assert.deepEqual([...requiredSigners(malformed, room.rules)], ['b.test'])
  const invite = room.member(alice, 'invite', bob, { third_party_invite: { signed: {} } })
  assert.deepEqual([...requiredSigners(invite, room.rules)], [])
  // The exception is for invites alone.
  const disguised = room.member(alice, 'join', alice, { third_party_invite: { signed: {} } })
  assert.deepEqual([...requiredSigners(disguised, room.rules)], ['a.test'])

  const seven = new TestRoom('7')
  seven.create(alice)
  const early = seven.member(bob, 'join', bob, { join_authorised_via_users_server: alice })
  assert.deepEqual([...requiredSigners(early, seven.rules)], ['b.test'])

  const one = new TestRoom('1')
  one.create(alice)
  const foreignId = { ...one.member(alice, 'join'), eventId: '$x:c.test' as EventId }
  assert.deepEqual([...requiredSigners(foreignId, one.rules)].sort(), ['a.test', 'c.test'])
})

test('bad input 43: Ed25519 edge cases go by libsodium’s rule', () => {
  const { room, pdu } = message()
  const signature = signatureOf(pdu.json, 'a.test', 'ed25519:1')
  assert.ok(signature)
  // S + L is the same scalar written larger: cofactored or lax verifiers take it, libsodium does not.
  const L = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = Buffer.from(signature.slice(32)).reverse().toString('hex')
  const larger = Buffer.from((BigInt(`0x${s}`) + L).toString(16).padStart(64, '0'), 'hex').reverse()
  const malleable = encodeBase64(Buffer.concat([signature.slice(0, 32), larger]))
  const forged = { ...pdu.json, signatures: { 'a.test': { 'ed25519:1': malleable } } }
  assert.equal(verifyEventSignature(forged, 'a.test', 'ed25519:1', publicKey, room.rules, ed25519), false)
  // A small-order public key with R = identity and S = 0 verifies any message where the key is not refused.
  const smallOrder = new Uint8Array(32).with(0, 1)
  const nothing = encodeBase64(new Uint8Array(64).with(0, 1))
  const universal = { ...pdu.json, signatures: { 'a.test': { 'ed25519:1': nothing } } }
  assert.equal(verifyEventSignature(universal, 'a.test', 'ed25519:1', smallOrder, room.rules, ed25519), false)
  // Base64 itself is not part of the rule: unused bits and padding change the text, not the bytes.
  const padded = { ...pdu.json, signatures: { 'a.test': { 'ed25519:1': `${encodeBase64(signature)}==` } } }
  assert.equal(verifyEventSignature(padded, 'a.test', 'ed25519:1', publicKey, room.rules, ed25519), true)
})

test('signing keeps other signatures and unsigned; only signatures and unsigned are outside', () => {
  const second = { ...signer, keyId: 'ed25519:2' as KeyId }
  const once = signJson({ a: 1, unsigned: { b: 2 }, server_keys: {} }, signer, ed25519)
  const twice = signJson(signJson(once, second, ed25519), signerOf(bob), ed25519)
  assert.deepEqual(signingKeyIds(twice, 'a.test'), ['ed25519:1', 'ed25519:2'])
  assert.equal(verifyJsonSignature(twice, 'a.test', 'ed25519:1', publicKey, ed25519), true)
  assert.equal(verifyJsonSignature(twice, 'a.test', 'ed25519:2', publicKey, ed25519), true)
  assert.equal(verifyJsonSignature({ ...twice, unsigned: {} }, 'a.test', 'ed25519:1', publicKey, ed25519), true)
  assert.equal(
    verifyJsonSignature({ ...twice, server_keys: { x: 1 } }, 'a.test', 'ed25519:1', publicKey, ed25519),
    false,
  )
  const odd = signJson({}, { ...signer, server: '__proto__' as ServerName }, ed25519)
  assert.equal(verifyJsonSignature(odd, '__proto__', 'ed25519:1', publicKey, ed25519), true)
  assert.equal(decodeBase64('x'), undefined)
})
