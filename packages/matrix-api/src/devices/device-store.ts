import type { BatchOperation, KeyValueStore, UserId } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { defineTable } from '../store/table.ts'

export interface DeviceRow {
  readonly displayName: string | undefined
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
}

/** Which devices local users have. Only rows; what a change means to others is `devices.ts`. */
export class DeviceStore {
  readonly #table
  /** Local users with a device. Grows with accounts, which only the owner or open registration makes. */
  #users: Set<UserId> | undefined

  constructor(store: KeyValueStore) {
    this.#table = defineTable<[user: string, device: string], DeviceRow>(store, buckets.devices, 'ss')
  }

  get(userId: UserId, deviceId: string): Promise<DeviceRow | undefined> {
    return this.#table.get(userId, deviceId)
  }

  async exists(userId: UserId, deviceId: string): Promise<boolean> {
    return (await this.#table.get(userId, deviceId)) !== undefined
  }

  async list(userId: UserId): Promise<readonly { readonly deviceId: string; readonly row: DeviceRow }[]> {
    const devices: { deviceId: string; row: DeviceRow }[] = []
    for await (const { key, row } of this.#table.scan([userId])) devices.push({ deviceId: key[1], row })
    return devices
  }

  /** Local users that have, or since the start had, a device. */
  async users(): Promise<ReadonlySet<UserId>> {
    if (!this.#users) {
      const users = new Set<UserId>()
      for await (const { key } of this.#table.scan([])) users.add(key[0] as UserId)
      this.#users ??= users
    }
    return this.#users
  }

  put(userId: UserId, deviceId: string, row: DeviceRow): BatchOperation {
    this.#users?.add(userId)
    return this.#table.put([userId, deviceId], row)
  }

  del(userId: UserId, deviceId: string): BatchOperation {
    return this.#table.del(userId, deviceId)
  }
}
