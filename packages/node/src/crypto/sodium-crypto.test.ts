import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from './sodium-crypto.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const { ed25519, sha256 } = nodeCrypto

test('Ed25519 and SHA-256 give the published answers (RFC 8032 test 2, FIPS 180-4 "abc")', () => {
  const seed = hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
  assert.deepEqual(ed25519.publicKey(seed), hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'))
  const signature = ed25519.sign(seed, hex('72'))
  const expected =
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
  assert.equal(Buffer.from(signature).toString('hex'), expected)
  assert.equal(
    Buffer.from(sha256(new TextEncoder().encode('abc'))).toString('hex'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('bad input 43: a non-canonical S and a small-order key are refused, lengths are checked', () => {
  const seed = new Uint8Array(32).fill(7)
  const message = new TextEncoder().encode('m')
  const publicKey = ed25519.publicKey(seed)
  const signature = ed25519.sign(seed, message)
  assert.equal(ed25519.verify(publicKey, message, signature), true)
  // S + L is the same scalar modulo the group order: verifiers without the range check accept it.
  const order = hex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
  const malleated = new Uint8Array(signature)
  let carry = 0
  for (let i = 0; i < 32; i++) {
    const sum = (malleated[32 + i] ?? 0) + (order[i] ?? 0) + carry
    malleated[32 + i] = sum & 0xff
    carry = sum >> 8
  }
  assert.equal(ed25519.verify(publicKey, message, malleated), false)
  // Key and R are the neutral element, S is 0: the equation holds for every message, so only a point check refuses it.
  const neutral = new Uint8Array(32)
  neutral[0] = 1
  assert.equal(ed25519.verify(neutral, message, new Uint8Array([...neutral, ...new Uint8Array(32)])), false)
  assert.equal(ed25519.verify(publicKey.subarray(1), message, signature), false)
  assert.equal(ed25519.verify(publicKey, message, signature.subarray(1)), false)
})
