/**
 * Shapes of public keys and their signatures, checked before anything is stored or passed on: a malformed key that reached
 * other servers could stop them from talking to this one (CVE-2025-61672). Client-Server API, "Key algorithms".
 */
import { decodeBase64, isJsonObject, type JsonObject, type JsonValue } from '@starling/protocol'

/** Why a key is refused. */
export interface KeyFault {
  readonly code: 'bad-json' | 'invalid-param' | 'invalid-signature'
  /** For the person behind the client; names the field, never its value. */
  readonly message: string
}

export function fault(code: KeyFault['code'], message: string): KeyFault {
  return { code, message }
}

/** `<algorithm>:<key id>`; algorithms are lower case, ids anything printable without a NUL. */
const KEY_NAME = /^([a-z0-9_.]{1,64}):([^\0]{1,255})$/

export interface KeyName {
  readonly algorithm: string
  readonly keyId: string
}

export function parseKeyName(name: string): KeyName | undefined {
  const match = KEY_NAME.exec(name)
  return match ? { algorithm: match[1] ?? '', keyId: match[2] ?? '' } : undefined
}

const PUBLIC_KEY_BYTES = 32

/** The 32 bytes of an Ed25519 or Curve25519 public key in unpadded base64. */
export function decodePublicKey(text: unknown): Uint8Array | undefined {
  const bytes = typeof text === 'string' && !text.endsWith('=') ? decodeBase64(text) : undefined
  return bytes?.length === PUBLIC_KEY_BYTES ? bytes : undefined
}

/** Users and keys that may have signed one object, at most. */
const MAX_SIGNERS = 50
const MAX_SIGNATURE_LENGTH = 512

/** `{user id: {key name: signature}}`. */
export function isSignatures(value: JsonValue | undefined): value is { readonly [user: string]: JsonObject } {
  if (!isJsonObject(value)) return false
  const users = Object.entries(value)
  return (
    users.length <= MAX_SIGNERS &&
    users.every(([, bySigner]) => {
      if (!isJsonObject(bySigner)) return false
      const signatures = Object.entries(bySigner)
      return (
        signatures.length <= MAX_SIGNERS &&
        signatures.every(
          ([name, signature]) =>
            parseKeyName(name) && typeof signature === 'string' && signature.length <= MAX_SIGNATURE_LENGTH,
        )
      )
    })
  )
}

/** True where the value, as JSON, is at most so many UTF-16 units long. */
export function fitsJson(value: JsonValue, maxLength: number): boolean {
  return JSON.stringify(value).length <= maxLength
}
