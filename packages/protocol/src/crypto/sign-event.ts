import { JsonError } from '../json/json-error.ts'
import type { JsonObject } from '../json/value.ts'
import type { Crypto, Ed25519 } from '../ports.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { signedEventBytes, withHashes } from './event-hashes.ts'
import { type Signer, signatureOf, withSignature } from './sign-json.ts'

/** Adds this server's signature over the event's redacted form (server-server API, "Signing Events"). Throws `JsonError`. */
export function signEvent(event: JsonObject, signer: Signer, rules: RoomVersionRules, ed25519: Ed25519): JsonObject {
  return withSignature(event, signer, ed25519.sign(signer.seed, signedEventBytes(event, rules)))
}

/** Server-server API, "Adding hashes and signatures to outgoing events": `withHashes`, then signs. Throws `JsonError`. */
export function hashAndSignEvent(
  event: JsonObject,
  signer: Signer,
  rules: RoomVersionRules,
  crypto: Crypto,
): JsonObject {
  return signEvent(withHashes(event, rules, crypto.sha256), signer, rules, crypto.ed25519)
}

/**
 * True if the event's redacted form is signed by that server with that key. Several signatures of one event: compute
 * `signedEventBytes` once and pass it as `bytes`. Never throws on foreign data.
 */
export function verifyEventSignature(
  event: JsonObject,
  server: string,
  keyId: string,
  publicKey: Uint8Array,
  rules: RoomVersionRules,
  ed25519: Ed25519,
  bytes?: Uint8Array,
): boolean {
  const signature = signatureOf(event, server, keyId)
  if (signature === undefined) return false
  try {
    return ed25519.verify(publicKey, bytes ?? signedEventBytes(event, rules), signature)
  } catch (error) {
    if (error instanceof JsonError) return false
    throw error
  }
}
