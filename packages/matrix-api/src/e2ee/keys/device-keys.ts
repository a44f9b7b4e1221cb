import { canonicalJson, type Ed25519, type JsonObject, type UserId } from '@starling/protocol'
import type { DeviceStore } from '../../devices/device-store.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { KeyedQueue } from '../../store/keyed-queue.ts'
import type { DeviceLists } from '../device-lists.ts'
import { keyFaultError } from '../key-fault-error.ts'
import { type DeviceKeysJson, deviceKeysFault } from './check-device-keys.ts'
import { type OneTimeKey, parseOneTimeKeys } from './check-one-time-keys.ts'
import type { DeviceKeyStore } from './device-key-store.ts'
import type { OneTimeKeys } from './one-time-keys.ts'

export interface DeviceKeysDeps {
  readonly devices: DeviceStore
  readonly store: DeviceKeyStore
  readonly oneTimeKeys: OneTimeKeys
  readonly lists: DeviceLists
  readonly ed25519: Ed25519
  /** By user id: shared with device deletion, so that no key outlives its device. */
  readonly queue: KeyedQueue
}

/** Uploads of a device's own keys. Client-Server API, "Uploading keys". */
export class DeviceKeys {
  readonly #deps: DeviceKeysDeps

  constructor(deps: DeviceKeysDeps) {
    this.#deps = deps
  }

  /** Checks the whole upload before it stores any of it; throws `MatrixError` 400. Durable when it resolves. */
  async upload(userId: UserId, deviceId: string, body: JsonObject): Promise<void> {
    const { ed25519, oneTimeKeys, queue, devices } = this.#deps
    const deviceKeys = body.device_keys ?? undefined
    const fault = deviceKeys === undefined ? undefined : deviceKeysFault(deviceKeys, userId, deviceId, ed25519)
    if (fault) throw keyFaultError(fault)
    const keys = checkedKeys(body, 'one_time_keys')
    const fallback = checkedKeys(body, 'fallback_keys')
    if (new Set(fallback.map(({ algorithm }) => algorithm)).size < fallback.length) {
      throw new MatrixError(400, 'M_INVALID_PARAM', 'fallback_keys has two keys of one algorithm')
    }
    await queue.run(userId, async () => {
      if (!(await devices.exists(userId, deviceId))) {
        throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The device has been deleted', { soft_logout: false })
      }
      await oneTimeKeys.add(userId, deviceId, keys, fallback)
      if (deviceKeys !== undefined) await this.#storeDeviceKeys(userId, deviceKeys as DeviceKeysJson)
    })
  }

  /** Uploading the same again tells nobody anything new. */
  async #storeDeviceKeys(userId: UserId, uploaded: DeviceKeysJson): Promise<void> {
    const { store, lists } = this.#deps
    const { unsigned: _unsigned, ...keys } = uploaded
    const before = await store.get(userId, uploaded.device_id)
    if (before && canonicalJson(before) === canonicalJson(keys)) return
    const row = keys as unknown as DeviceKeysJson
    await lists.commitDevice(userId, uploaded.device_id, [store.put(userId, row)], { newKeys: true })
  }
}

function checkedKeys(body: JsonObject, field: 'one_time_keys' | 'fallback_keys'): readonly OneTimeKey[] {
  const parsed = parseOneTimeKeys(body[field] ?? undefined, field)
  if ('code' in parsed) throw keyFaultError(parsed)
  return parsed
}
