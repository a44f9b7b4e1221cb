import { type Ed25519, isJsonObject, type JsonObject, type JsonValue, verifyJsonSignature } from '@starling/protocol'
import { decodePublicKey, fault, fitsJson, isSignatures, type KeyFault } from '../key-shapes.ts'

export type CrossSigningUsage = 'master' | 'self_signing' | 'user_signing'

export const USAGES: readonly CrossSigningUsage[] = ['master', 'self_signing', 'user_signing']

/** A cross-signing key that has passed `crossSigningKeyFault`. */
export interface CrossSigningKeyJson extends JsonObject {
  readonly user_id: string
  readonly usage: readonly string[]
  /** Exactly one: `ed25519:<public key>` → public key. */
  readonly keys: { readonly [name: string]: string }
  readonly signatures?: { readonly [user: string]: { readonly [name: string]: string } }
}

const MAX_KEY_LENGTH = 16_384

/** What is wrong with a cross-signing key (Client-Server API, "Cross-signing"), its signatures aside. */
export function crossSigningKeyFault(
  value: JsonValue | undefined,
  userId: string,
  usage: CrossSigningUsage,
): KeyFault | undefined {
  const field = `${usage}_key`
  if (!isJsonObject(value)) return fault('bad-json', `${field} is not an object`)
  if (!fitsJson(value, MAX_KEY_LENGTH)) return fault('invalid-param', `${field} is too large`)
  if (value.user_id !== userId) return fault('invalid-param', `${field}.user_id is not the user`)
  if (!Array.isArray(value.usage)) return fault('bad-json', `${field}.usage is not an array`)
  if (value.usage.length !== 1 || value.usage[0] !== usage)
    return fault('invalid-param', `${field}.usage is not ["${usage}"]`)
  if (!isJsonObject(value.keys)) return fault('bad-json', `${field}.keys is not an object`)
  const entries = Object.entries(value.keys)
  const [name, key] = entries[0] ?? []
  if (entries.length !== 1 || typeof key !== 'string' || name !== `ed25519:${key}` || !decodePublicKey(key)) {
    return fault('invalid-param', `${field}.keys is not one ed25519:<public key> with that public key`)
  }
  if (value.signatures !== undefined && !isSignatures(value.signatures)) {
    return fault('bad-json', `${field}.signatures is not a map of user ids to maps of key names to strings`)
  }
  return undefined
}

/** The key's one public key, as text. */
export function publicKeyOf(key: CrossSigningKeyJson): string {
  return Object.values(key.keys)[0] ?? ''
}

/** Whether `key` (a cross-signing key) has signed `object` for its user. */
export function isSignedBy(object: JsonObject, key: CrossSigningKeyJson, ed25519: Ed25519): boolean {
  const text = publicKeyOf(key)
  const publicKey = decodePublicKey(text)
  return publicKey !== undefined && verifyJsonSignature(object, key.user_id, `ed25519:${text}`, publicKey, ed25519)
}
