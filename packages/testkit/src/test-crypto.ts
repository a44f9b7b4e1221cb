import { createHash } from 'node:crypto'
import type { Crypto } from '@starling/protocol'
import sodium from 'sodium-native'

/** libsodium and SHA-256 behind the `Crypto` port, without the node package around it. */
export const testCrypto: Crypto = {
  ed25519: {
    verify: (publicKey, message, signature) =>
      publicKey.length === sodium.crypto_sign_PUBLICKEYBYTES &&
      signature.length === sodium.crypto_sign_BYTES &&
      sodium.crypto_sign_verify_detached(view(signature), view(message), view(publicKey)),
    sign(seed, message) {
      const signature = Buffer.alloc(sodium.crypto_sign_BYTES)
      sodium.crypto_sign_detached(signature, view(message), keyPair(seed).secretKey)
      return new Uint8Array(signature)
    },
    publicKey: (seed) => new Uint8Array(keyPair(seed).publicKey),
  },
  sha256: (data) => new Uint8Array(createHash('sha256').update(data).digest()),
}

function keyPair(seed: Uint8Array): { readonly publicKey: Buffer; readonly secretKey: Buffer } {
  const publicKey = Buffer.alloc(sodium.crypto_sign_PUBLICKEYBYTES)
  const secretKey = Buffer.alloc(sodium.crypto_sign_SECRETKEYBYTES)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, view(seed))
  return { publicKey, secretKey }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
