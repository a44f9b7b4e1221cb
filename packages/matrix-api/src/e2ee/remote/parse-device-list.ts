import { type Ed25519, isJsonObject, type JsonObject, type JsonValue, type UserId } from '@starling/protocol'
import {
  type CrossSigningKeyJson,
  type CrossSigningUsage,
  crossSigningKeyFault,
  isSignedBy,
} from '../cross-signing/check-cross-signing-keys.ts'
import { ownSignaturesOnly } from '../key-view.ts'
import { asDeviceKeys } from '../keys/check-device-keys.ts'

export interface RemoteDevice {
  readonly keys: JsonObject
  readonly displayName?: string
}

/** A remote user's devices and keys, every one checked. */
export interface RemoteDeviceList {
  /** Of the newest update that is in; see Server-server API, "Device Management". */
  readonly streamId: number
  readonly devices: { readonly [deviceId: string]: RemoteDevice }
  readonly master?: CrossSigningKeyJson
  readonly selfSigning?: CrossSigningKeyJson
}

/** Devices taken from one user's list; the rest are dropped. */
const MAX_DEVICES = 1_000
const MAX_DISPLAY_NAME_LENGTH = 100

/**
 * Reads the answer to `GET /user/devices/{userId}`. What is malformed, of another user, or not signed as it must be is left
 * out: nothing of it reaches a client. `undefined` where the answer is none at all.
 */
export function parseDeviceList(userId: UserId, answer: JsonValue, ed25519: Ed25519): RemoteDeviceList | undefined {
  if (!isJsonObject(answer) || answer.user_id !== userId || !Array.isArray(answer.devices)) return undefined
  const devices: [string, RemoteDevice][] = []
  for (const item of (answer.devices as readonly JsonValue[]).slice(0, MAX_DEVICES)) {
    if (!isJsonObject(item) || typeof item.device_id !== 'string') continue
    const device = parseRemoteDevice(userId, item.device_id, item.keys, item.device_display_name, ed25519)
    if (device) devices.push([item.device_id, device])
  }
  return {
    streamId: isStreamId(answer.stream_id) ? answer.stream_id : 0,
    devices: Object.fromEntries(devices),
    ...parseSigningKeys(userId, answer.master_key, answer.self_signing_key, ed25519),
  }
}

export function parseRemoteDevice(
  userId: UserId,
  deviceId: string,
  keys: JsonValue | undefined,
  displayName: JsonValue | undefined,
  ed25519: Ed25519,
): RemoteDevice | undefined {
  const checked = asDeviceKeys(keys, userId, deviceId, ed25519)
  if (!checked) return undefined
  const { unsigned: _unsigned, ...rest } = ownSignaturesOnly(checked)
  const named = typeof displayName === 'string' ? { displayName: displayName.slice(0, MAX_DISPLAY_NAME_LENGTH) } : {}
  return { keys: rest, ...named }
}

/** The master key, and the self-signing key if the master key has signed it. */
export function parseSigningKeys(
  userId: UserId,
  masterKey: JsonValue | undefined,
  selfSigningKey: JsonValue | undefined,
  ed25519: Ed25519,
): Pick<RemoteDeviceList, 'master' | 'selfSigning'> {
  const master = asCrossSigningKey(userId, masterKey, 'master')
  const selfSigning = asCrossSigningKey(userId, selfSigningKey, 'self_signing')
  if (!master) return {}
  return { master, ...(selfSigning && isSignedBy(selfSigning, master, ed25519) ? { selfSigning } : {}) }
}

export function isStreamId(value: JsonValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function asCrossSigningKey(
  userId: UserId,
  value: JsonValue | undefined,
  usage: CrossSigningUsage,
): CrossSigningKeyJson | undefined {
  if (crossSigningKeyFault(value, userId, usage)) return undefined
  return ownSignaturesOnly(value as CrossSigningKeyJson) as CrossSigningKeyJson
}
