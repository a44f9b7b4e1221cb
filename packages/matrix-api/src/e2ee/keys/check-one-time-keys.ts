import { isJsonObject, type JsonValue } from '@starling/protocol'
import {
  decodePublicKey,
  fault,
  fitsJson,
  isSignatures,
  type KeyFault,
  type KeyName,
  parseKeyName,
} from '../key-shapes.ts'

/** A checked one-time or fallback key. */
export interface OneTimeKey extends KeyName {
  readonly key: JsonValue
}

/** Keys in one upload; libolm sends at most 50, vodozemac as many. */
const MAX_KEYS_PER_UPLOAD = 500
/** UTF-16 units of JSON of one key; a signed key has some 250. */
const MAX_KEY_LENGTH = 4_096

/** Parses `one_time_keys` or `fallback_keys` (named by `field` in messages). Client-Server API, "One-time and fallback keys". */
export function parseOneTimeKeys(value: JsonValue | undefined, field: string): readonly OneTimeKey[] | KeyFault {
  if (value === undefined) return []
  if (!isJsonObject(value)) return fault('bad-json', `${field} is not an object`)
  const entries = Object.entries(value)
  if (entries.length > MAX_KEYS_PER_UPLOAD) return fault('invalid-param', `${field} has too many keys`)
  const keys: OneTimeKey[] = []
  for (const [name, key] of entries) {
    const parsed = parseKeyName(name)
    if (!parsed) return fault('invalid-param', `${field} has a name that is not <algorithm>:<key id>`)
    const problem = oneTimeKeyFault(key, parsed.algorithm, field)
    if (problem) return problem
    keys.push({ ...parsed, key: key as JsonValue })
  }
  return keys
}

/** Shape only: whoever claims the key verifies the signature against the device. `undefined`: nothing wrong. */
export function oneTimeKeyFault(key: JsonValue | undefined, algorithm: string, field: string): KeyFault | undefined {
  if (typeof key === 'string') {
    if (algorithm === 'signed_curve25519') return fault('bad-json', `${field} has an unsigned signed_curve25519 key`)
    if (algorithm === 'curve25519' && !decodePublicKey(key)) return notAKey(field)
    return key.length <= MAX_KEY_LENGTH ? undefined : fault('invalid-param', `${field} has a key that is too large`)
  }
  if (!isJsonObject(key)) return fault('bad-json', `${field} has a key that is neither a string nor an object`)
  if (!fitsJson(key, MAX_KEY_LENGTH)) return fault('invalid-param', `${field} has a key that is too large`)
  if (typeof key.key !== 'string') return fault('bad-json', `${field} has a key object without a string "key"`)
  if (!isSignatures(key.signatures)) return fault('bad-json', `${field} has a key object without proper signatures`)
  if (key.fallback !== undefined && typeof key.fallback !== 'boolean') {
    return fault('bad-json', `${field} has a key whose "fallback" is not a boolean`)
  }
  if (algorithm === 'signed_curve25519' && !decodePublicKey(key.key)) return notAKey(field)
  return undefined
}

function notAKey(field: string): KeyFault {
  return fault('invalid-param', `${field} has a Curve25519 key that is not 32 bytes of unpadded base64`)
}
