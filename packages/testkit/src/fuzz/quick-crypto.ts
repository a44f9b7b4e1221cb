import type { Crypto } from '@starling/protocol'
import sodium from 'sodium-native'
import { testCrypto } from '../test-crypto.ts'

/** The tests' own libsodium, with the key pairs of the few seeds of a run made once: signing is half of what a mutant costs. */
const secretKeys = new WeakMap<Uint8Array, Buffer>()

export const quickCrypto: Crypto = {
  sha256: testCrypto.sha256,
  ed25519: {
    verify: testCrypto.ed25519.verify,
    publicKey: testCrypto.ed25519.publicKey,
    sign(seed, message) {
      const signature = Buffer.alloc(sodium.crypto_sign_BYTES)
      sodium.crypto_sign_detached(signature, view(message), secretKeyOf(seed))
      return new Uint8Array(signature)
    },
  },
}

/** For hostile nodes, which need not check what they are asked. */
export const trustingCrypto: Crypto = { ...quickCrypto, ed25519: { ...quickCrypto.ed25519, verify: () => true } }

function secretKeyOf(seed: Uint8Array): Buffer {
  const known = secretKeys.get(seed)
  if (known) return known
  const publicKey = Buffer.alloc(sodium.crypto_sign_PUBLICKEYBYTES)
  const secretKey = Buffer.alloc(sodium.crypto_sign_SECRETKEYBYTES)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, view(seed))
  secretKeys.set(seed, secretKey)
  return secretKey
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
