import type { BatchOperation, KeyValueStore, UserId } from '@starling/protocol'
import type { DeviceFollower } from '../../devices/ports.ts'
import { buckets } from '../../store/buckets.ts'
import { defineTable } from '../../store/table.ts'
import type { DeviceKeysJson } from './check-device-keys.ts'

/** Identity keys of local users' devices, as uploaded. */
export class DeviceKeyStore implements DeviceFollower {
  readonly #table

  constructor(store: KeyValueStore) {
    this.#table = defineTable<[user: string, device: string], DeviceKeysJson>(store, buckets.deviceKeys, 'ss')
  }

  get(userId: UserId, deviceId: string): Promise<DeviceKeysJson | undefined> {
    return this.#table.get(userId, deviceId)
  }

  async list(userId: UserId): Promise<readonly DeviceKeysJson[]> {
    const all: DeviceKeysJson[] = []
    for await (const { row } of this.#table.scan([userId])) all.push(row)
    return all
  }

  put(userId: UserId, keys: DeviceKeysJson): BatchOperation {
    return this.#table.put([userId, keys.device_id], keys)
  }

  async forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    return [this.#table.del(userId, deviceId)]
  }
}
