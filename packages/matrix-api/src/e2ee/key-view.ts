import { isJsonObject, type JsonObject, ownValue, type UserId, withoutKeys, withValue } from '@starling/protocol'
import type { DeviceStore } from '../devices/device-store.ts'
import { type CrossSigningKeyJson, publicKeyOf } from './cross-signing/check-cross-signing-keys.ts'
import type { CrossSigningStore, KeySignature } from './cross-signing/cross-signing-store.ts'
import type { DeviceKeysJson } from './keys/check-device-keys.ts'
import type { DeviceKeyStore } from './keys/device-key-store.ts'

export interface DeviceForServers {
  readonly keys: JsonObject
  readonly displayName: string | undefined
}

/**
 * Keys as somebody gets to see them: with the signatures of the key's owner and with the viewer's own, and no others
 * (Client-Server API, "Key and signature security").
 */
export class KeyView {
  readonly #deviceKeys: DeviceKeyStore
  readonly #crossSigning: CrossSigningStore
  readonly #devices: DeviceStore

  constructor(deviceKeys: DeviceKeyStore, crossSigning: CrossSigningStore, devices: DeviceStore) {
    this.#deviceKeys = deviceKeys
    this.#crossSigning = crossSigning
    this.#devices = devices
  }

  /** Device id → keys with `unsigned.device_display_name`. `deviceIds` empty: all devices that have keys. */
  async devices(userId: UserId, deviceIds: readonly string[]): Promise<{ readonly [deviceId: string]: JsonObject }> {
    const signatures = await this.#crossSigning.signatures(userId, userId)
    const names = new Map((await this.#devices.list(userId)).map(({ deviceId, row }) => [deviceId, row.displayName]))
    const wanted = new Set(deviceIds)
    const keys = (await this.#deviceKeys.list(userId)).filter(
      (device) => wanted.size === 0 || wanted.has(device.device_id),
    )
    return Object.fromEntries(
      keys.map((device) => {
        const name = names.get(device.device_id)
        const signed = withSignatures(device, device.device_id, signatures)
        return [device.device_id, { ...signed, unsigned: name === undefined ? {} : { device_display_name: name } }]
      }),
    )
  }

  /** The user's master and self-signing key; its user-signing key only for itself. */
  async crossSigningKeys(
    userId: UserId,
    viewer: UserId | undefined,
  ): Promise<{ readonly master?: JsonObject; readonly self_signing?: JsonObject; readonly user_signing?: JsonObject }> {
    const keys = await this.#crossSigning.keysOf(userId)
    const { master, self_signing: selfSigning, user_signing: userSigning } = keys
    const signatures = [
      ...(await this.#crossSigning.signatures(userId, userId)),
      ...(viewer === undefined || viewer === userId ? [] : await this.#crossSigning.signatures(viewer, userId)),
    ]
    return {
      ...(master ? { master: withSignatures(ownSignaturesOnly(master), publicKeyOf(master), signatures) } : {}),
      ...(selfSigning ? { self_signing: ownSignaturesOnly(selfSigning) } : {}),
      ...(userSigning && viewer === userId ? { user_signing: ownSignaturesOnly(userSigning) } : {}),
    }
  }

  /** Another server's user's master key, with what the viewer has signed of it. */
  async signedByViewer(userId: UserId, master: JsonObject, viewer: UserId): Promise<JsonObject> {
    const publicKey = isJsonObject(master.keys) ? Object.values(master.keys)[0] : undefined
    return withSignatures(master, String(publicKey), await this.#crossSigning.signatures(viewer, userId))
  }

  async deviceForServers(userId: UserId, deviceId: string): Promise<DeviceForServers | undefined> {
    const keys = ownValue(await this.devices(userId, [deviceId]), deviceId)
    if (!isJsonObject(keys)) return undefined
    const displayName = (await this.#devices.get(userId, deviceId))?.displayName
    return { keys: withoutKeys(keys, 'unsigned'), displayName }
  }

  /** `master_key` and `self_signing_key`, each where there is one. */
  async signingKeysForServers(userId: UserId): Promise<JsonObject> {
    const { master, self_signing: selfSigning } = await this.crossSigningKeys(userId, undefined)
    return {
      ...(master ? { master_key: master } : {}),
      ...(selfSigning ? { self_signing_key: selfSigning } : {}),
    }
  }
}

/** The key with those of `signatures` that are on it. */
export function withSignatures(key: JsonObject, keyName: string, signatures: readonly KeySignature[]): JsonObject {
  let merged = isJsonObject(key.signatures) ? key.signatures : {}
  for (const { signer, targetKey, signingKey, signature } of signatures) {
    if (targetKey !== keyName) continue
    const bySigner = ownValue(merged, signer)
    merged = withValue(merged, signer, withValue(isJsonObject(bySigner) ? bySigner : {}, signingKey, signature))
  }
  return { ...key, signatures: merged }
}

/** Drops what other users have signed: their user-signing keys are nobody else's business. */
export function ownSignaturesOnly(key: CrossSigningKeyJson | DeviceKeysJson): JsonObject {
  const own = key.signatures && ownValue(key.signatures, key.user_id)
  return { ...key, signatures: own === undefined ? {} : { [key.user_id]: own } }
}
