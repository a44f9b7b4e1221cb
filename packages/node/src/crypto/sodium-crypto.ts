import { hash, randomBytes as nodeRandomBytes } from 'node:crypto'
import type { Crypto, Ed25519, RandomBytes, Sha256 } from '@starling/protocol'
import sodium from 'sodium-native'
import { verifySignature } from './packed-signatures.ts'
import { VerifyThread } from './verify-thread.ts'

const SEED_BYTES = 32

/** Expanded keys by seed: a node has two or three, and expanding costs as much as signing. Oldest out first. */
const MAX_CACHED_KEYS = 16
const cachedKeys = new Map<string, { readonly publicKey: Buffer; readonly secretKey: Buffer }>()

const verifyThread = new VerifyThread()

/** Ed25519 by libsodium, whose verification rule is the one that Matrix servers share (DESIGN section 3). */
const ed25519: Ed25519 = {
  verify: verifySignature,
  verifyMany: (signed) => verifyThread.verifyMany(signed),
  sign(seed, message) {
    const signature = Buffer.alloc(sodium.crypto_sign_BYTES)
    sodium.crypto_sign_detached(signature, buffer(message), keyPair(seed).secretKey)
    return signature
  },
  publicKey(seed) {
    return new Uint8Array(keyPair(seed).publicKey)
  },
}

const sha256: Sha256 = (data) => hash('sha256', data, 'buffer')

export const nodeCrypto: Crypto = { ed25519, sha256 }

export const randomBytes: RandomBytes = (size) => nodeRandomBytes(size)

function keyPair(seed: Uint8Array): { readonly publicKey: Buffer; readonly secretKey: Buffer } {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an Ed25519 seed has ${SEED_BYTES} bytes, not ${seed.length}`)
  const id = Buffer.from(seed).toString('base64')
  const cached = cachedKeys.get(id)
  if (cached) return cached
  const publicKey = Buffer.alloc(sodium.crypto_sign_PUBLICKEYBYTES)
  const secretKey = Buffer.alloc(sodium.crypto_sign_SECRETKEYBYTES)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, buffer(seed))
  if (cachedKeys.size >= MAX_CACHED_KEYS) cachedKeys.delete(cachedKeys.keys().next().value ?? '')
  const pair = { publicKey, secretKey }
  cachedKeys.set(id, pair)
  return pair
}

/** A view, not a copy. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
