import { type Ed25519, isJsonObject, type JsonObject, type JsonValue, verifyJsonSignature } from '@starling/protocol'
import { decodePublicKey, fault, fitsJson, isSignatures, type KeyFault, parseKeyName } from '../key-shapes.ts'

/** Device keys that have passed `deviceKeysFault`. */
export interface DeviceKeysJson extends JsonObject {
  readonly user_id: string
  readonly device_id: string
  readonly algorithms: readonly string[]
  readonly keys: { readonly [name: string]: string }
  readonly signatures: { readonly [user: string]: { readonly [name: string]: string } }
}

/** A device has two keys today; room for other algorithms. */
const MAX_KEYS = 32
const MAX_ALGORITHMS = 32
/** UTF-16 units of JSON: some 60 times what a device needs, so that a list of devices stays small. */
const MAX_DEVICE_KEYS_LENGTH = 32_768

/**
 * What is wrong with a device's identity keys (Client-Server API, "Device keys"): their shape, that they speak of this very
 * user and device, and that the device's Ed25519 key has signed them. `undefined`: nothing.
 */
export function deviceKeysFault(
  value: JsonValue | undefined,
  userId: string,
  deviceId: string,
  ed25519: Ed25519,
): KeyFault | undefined {
  if (!isJsonObject(value)) return fault('bad-json', 'device_keys is not an object')
  if (!fitsJson(value, MAX_DEVICE_KEYS_LENGTH)) return fault('invalid-param', 'device_keys is too large')
  if (typeof value.user_id !== 'string') return fault('bad-json', 'device_keys.user_id is not a string')
  if (typeof value.device_id !== 'string') return fault('bad-json', 'device_keys.device_id is not a string')
  if (value.user_id !== userId) return fault('invalid-param', 'device_keys.user_id is not the user of the device')
  if (value.device_id !== deviceId) return fault('invalid-param', 'device_keys.device_id is not the device')
  return algorithmsFault(value.algorithms) ?? keysFault(value.keys, deviceId) ?? signatureFault(value, ed25519)
}

/** Narrows what `deviceKeysFault` found good. */
export function asDeviceKeys(
  value: JsonValue | undefined,
  userId: string,
  deviceId: string,
  ed25519: Ed25519,
): DeviceKeysJson | undefined {
  return deviceKeysFault(value, userId, deviceId, ed25519) ? undefined : (value as DeviceKeysJson)
}

/** The device's signing key, decoded; undefined where it has none. */
export function deviceSigningKey(keys: DeviceKeysJson): Uint8Array | undefined {
  const name = `ed25519:${keys.device_id}`
  return Object.hasOwn(keys.keys, name) ? decodePublicKey(keys.keys[name]) : undefined
}

function algorithmsFault(value: JsonValue | undefined): KeyFault | undefined {
  if (!Array.isArray(value)) return fault('bad-json', 'device_keys.algorithms is not an array')
  if (value.length > MAX_ALGORITHMS) return fault('invalid-param', 'device_keys.algorithms is too long')
  if (value.every((item) => typeof item === 'string')) return undefined
  return fault('bad-json', 'device_keys.algorithms is not an array of strings')
}

function keysFault(value: JsonValue | undefined, deviceId: string): KeyFault | undefined {
  if (!isJsonObject(value)) return fault('bad-json', 'device_keys.keys is not an object')
  const entries = Object.entries(value)
  if (entries.length > MAX_KEYS) return fault('invalid-param', 'device_keys.keys has too many keys')
  for (const [name, key] of entries) {
    if (typeof key !== 'string') return fault('bad-json', 'device_keys.keys has a key that is not a string')
    const parsed = parseKeyName(name)
    if (parsed?.keyId !== deviceId) {
      return fault('invalid-param', 'device_keys.keys has a name that is not <algorithm>:<device id>')
    }
    const sized = parsed.algorithm === 'ed25519' || parsed.algorithm === 'curve25519'
    if (sized && !decodePublicKey(key)) {
      return fault(
        'invalid-param',
        `device_keys.keys has an ${parsed.algorithm} key that is not 32 bytes of unpadded base64`,
      )
    }
  }
  return undefined
}

function signatureFault(value: JsonObject, ed25519: Ed25519): KeyFault | undefined {
  if (!isSignatures(value.signatures)) {
    return fault('bad-json', 'device_keys.signatures is not a map of user ids to maps of key names to strings')
  }
  const keys = value as DeviceKeysJson
  const publicKey = deviceSigningKey(keys)
  if (!publicKey) return undefined
  if (verifyJsonSignature(keys, keys.user_id, `ed25519:${keys.device_id}`, publicKey, ed25519)) return undefined
  return fault('invalid-signature', "device_keys is not signed by the device's ed25519 key")
}
