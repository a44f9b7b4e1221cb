import sodium from 'sodium-native'
import type { Crypto } from '../ports.ts'

/** The crypto port over libsodium, for this package's own tests and benches. */
export const sodiumCrypto: Crypto = {
  sha256(data) {
    const hash = Buffer.alloc(32)
    sodium.crypto_hash_sha256(hash, view(data))
    return hash
  },
  ed25519: {
    verify(publicKey, message, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return false
      return sodium.crypto_sign_verify_detached(view(signature), view(message), view(publicKey))
    },
    sign(seed, message) {
      const signature = Buffer.alloc(64)
      sodium.crypto_sign_detached(signature, view(message), keyPair(seed).secretKey)
      return signature
    },
    publicKey(seed) {
      return keyPair(seed).publicKey
    },
  },
}

const pairs = new Map<string, { publicKey: Buffer; secretKey: Buffer }>()

function keyPair(seed: Uint8Array): { publicKey: Buffer; secretKey: Buffer } {
  const name = seed.join()
  const known = pairs.get(name)
  if (known) return known
  const pair = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(64) }
  sodium.crypto_sign_seed_keypair(pair.publicKey, pair.secretKey, view(seed))
  pairs.set(name, pair)
  return pair
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
