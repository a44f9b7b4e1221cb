import type { SignedMessage } from '@starling/protocol'
import sodium from 'sodium-native'

const KEY = 32
const SIGNATURE = 64

/** True if libsodium accepts; wrong lengths are false. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY || signature.length !== SIGNATURE) return false
  return sodium.crypto_sign_verify_detached(view(signature), view(message), view(publicKey))
}

/**
 * A list of signatures in one buffer, which goes to another thread without a copy: their number and the lengths of the messages
 * (32 bits each), then key, signature and message of each. Keys and signatures have their right lengths.
 */
export function packSignatures(signed: readonly SignedMessage[]): ArrayBuffer {
  const head = 4 * (1 + signed.length)
  const size = signed.reduce((sum, { message }) => sum + KEY + SIGNATURE + message.length, head)
  const packed = new ArrayBuffer(size)
  const lengths = new Uint32Array(packed, 0, 1 + signed.length)
  const bytes = new Uint8Array(packed)
  lengths[0] = signed.length
  let at = head
  for (const [index, { publicKey, message, signature }] of signed.entries()) {
    lengths[index + 1] = message.length
    bytes.set(publicKey, at)
    bytes.set(signature, at + KEY)
    bytes.set(message, at + KEY + SIGNATURE)
    at += KEY + SIGNATURE + message.length
  }
  return packed
}

/** 1 for each signature that is right, 0 for each that is wrong. */
export function verifyPacked(packed: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const count = new Uint32Array(packed, 0, 1)[0] ?? 0
  const lengths = new Uint32Array(packed, 4, count)
  const outcome = new Uint8Array(count)
  let at = 4 * (1 + count)
  for (const [index, length] of lengths.entries()) {
    const publicKey = new Uint8Array(packed, at, KEY)
    const signature = new Uint8Array(packed, at + KEY, SIGNATURE)
    const message = new Uint8Array(packed, at + KEY + SIGNATURE, length)
    outcome[index] = verifySignature(publicKey, message, signature) ? 1 : 0
    at += KEY + SIGNATURE + length
  }
  return outcome
}

/** A view, not a copy. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export const SIGNATURE_LENGTHS = { publicKey: KEY, signature: SIGNATURE } as const
