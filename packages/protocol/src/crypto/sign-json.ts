import { decodeBase64, encodeBase64 } from '../ids/base64.ts'
import type { KeyId, ServerName } from '../ids/branded.ts'
import { type CanonicalOptions, canonicalBytes } from '../json/canonical.ts'
import { JsonError } from '../json/json-error.ts'
import { ownValue, withoutKeys, withValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { Ed25519 } from '../ports.ts'

/** Who signs, and with what. `seed` is the 32-byte Ed25519 private key (RFC 8032). */
export interface Signer {
  readonly server: ServerName
  readonly keyId: KeyId
  readonly seed: Uint8Array
}

const SIGNATURE_BYTES = 64

/** The bytes that a JSON signature covers: canonical JSON without `signatures` and `unsigned`. Throws `JsonError`. */
export function signedJsonBytes(object: JsonObject, options?: CanonicalOptions): Uint8Array {
  return canonicalBytes(withoutKeys(object, 'signatures', 'unsigned'), options)
}

/**
 * Adds a signature beside those that are there (appendices, "Signing JSON"); `unsigned` stays as it is. Throws `JsonError` for
 * what has no canonical form.
 */
export function signJson(object: JsonObject, signer: Signer, ed25519: Ed25519): JsonObject {
  return withSignature(object, signer, ed25519.sign(signer.seed, signedJsonBytes(object)))
}

/** A copy of `object` with this signature entered under the signer's name and key id. */
export function withSignature(object: JsonObject, signer: Omit<Signer, 'seed'>, signature: Uint8Array): JsonObject {
  const signatures = objectOrEmpty(object.signatures)
  const own = objectOrEmpty(ownValue(signatures, signer.server))
  return {
    ...object,
    signatures: withValue(signatures, signer.server, withValue(own, signer.keyId, encodeBase64(signature))),
  }
}

/**
 * Appendices, "Checking for a Signature", with the key already looked up. False for a missing, malformed or wrong signature, and
 * for an object that has no canonical form; never throws on foreign data.
 */
export function verifyJsonSignature(
  object: JsonObject,
  server: string,
  keyId: string,
  publicKey: Uint8Array,
  ed25519: Ed25519,
): boolean {
  const signature = signatureOf(object, server, keyId)
  if (signature === undefined) return false
  try {
    return ed25519.verify(publicKey, signedJsonBytes(object), signature)
  } catch (error) {
    if (error instanceof JsonError) return false
    throw error
  }
}

/** The decoded signature under that server and key id; `undefined` where there is none of 64 bytes. */
export function signatureOf(object: JsonObject, server: string, keyId: string): Uint8Array | undefined {
  const signatures = object.signatures
  const own = isJsonObject(signatures) ? ownValue(signatures, server) : undefined
  const signature = isJsonObject(own) ? decodeBase64(ownValue(own, keyId)) : undefined
  return signature?.length === SIGNATURE_BYTES ? signature : undefined
}

/** Key ids of algorithm ed25519 under which that server has signed, in the order of the object. */
export function signingKeyIds(object: JsonObject, server: string): KeyId[] {
  const signatures = object.signatures
  const own = isJsonObject(signatures) ? ownValue(signatures, server) : undefined
  if (!isJsonObject(own)) return []
  return Object.keys(own).filter((keyId): keyId is KeyId => keyId.startsWith('ed25519:'))
}

function objectOrEmpty(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
