import type { BatchOperation, JsonObject, KeyValueStore, UserId } from '@starling/protocol'
import type { DeviceStore } from '../../devices/device-store.ts'
import type { Devices } from '../../devices/devices.ts'
import type { DeviceFollower } from '../../devices/ports.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { StreamPositions } from '../../ports.ts'
import { buckets } from '../../store/buckets.ts'
import { KeyedQueue } from '../../store/keyed-queue.ts'
import { defineTable } from '../../store/table.ts'
import type { Inbox } from '../../to-device/inbox.ts'
import type { DeviceKeys } from '../keys/device-keys.ts'

interface Row {
  readonly deviceId: string
  /** The device's private keys, encrypted by the client; `algorithm` says how. */
  readonly deviceData: JsonObject
  /** The device that this one replaces, while that one may still be there. */
  readonly replaces?: string
}

export interface DehydratedDevice {
  readonly device_id: string
  readonly device_data: JsonObject
}

/** What a client uploads: the device, and its keys as `/keys/upload` takes them. */
export interface NewDehydratedDevice extends DehydratedDevice {
  readonly displayName: string | undefined
  readonly keys: JsonObject
}

/** One page of what was sent to it. */
export interface DehydratedEvents {
  readonly events: readonly JsonObject[]
  readonly next_batch?: string
}

export interface DehydratedDevicesDeps {
  readonly store: KeyValueStore
  readonly positions: StreamPositions
  readonly devices: Devices
  readonly deviceStore: DeviceStore
  readonly deviceKeys: DeviceKeys
  readonly inbox: Inbox
}

/** Messages of one page. */
const PAGE = 100

const TOKEN = /^d(\d{1,16})$/

/**
 * Dehydrated devices (MSC3814): a device that nobody runs, which takes to-device messages while the user is logged in
 * nowhere; a later login reads them with the keys kept here. One per user.
 */
export class DehydratedDevices implements DeviceFollower {
  readonly #deps: () => DehydratedDevicesDeps
  readonly #table
  readonly #queue = new KeyedQueue()

  /** The rest is asked for late: devices tell this one of their deletion. */
  constructor(store: KeyValueStore, deps: () => DehydratedDevicesDeps) {
    this.#deps = deps
    this.#table = defineTable<[user: string], Row>(store, buckets.dehydratedDevices, 's')
  }

  /** Removes what a crash kept of devices that had been replaced. */
  async start(): Promise<void> {
    for await (const { key, row } of this.#table.scan([])) {
      if (row.replaces !== undefined) await this.#settle(key[0] as UserId, row)
    }
  }

  async get(userId: UserId): Promise<DehydratedDevice | undefined> {
    const row = await this.#table.get(userId)
    return row && { device_id: row.deviceId, device_data: row.deviceData }
  }

  /** Replaces the user's dehydrated device. Throws `MatrixError` 400 for bad keys, or for the id of a device in use. */
  put(userId: UserId, device: NewDehydratedDevice): Promise<void> {
    return this.#queue.run(userId, async () => {
      const { devices, deviceStore, deviceKeys, store } = this.#deps()
      const before = await this.#table.get(userId)
      const { device_id: deviceId } = device
      if (before?.deviceId === deviceId) await devices.remove(userId, [deviceId])
      else if (await deviceStore.exists(userId, deviceId)) {
        throw new MatrixError(400, 'M_INVALID_PARAM', 'One of your devices has that id')
      }
      await devices.ensure(userId, deviceId, device.displayName)
      try {
        await deviceKeys.upload(userId, deviceId, device.keys)
      } catch (error) {
        await devices.remove(userId, [deviceId])
        throw error
      }
      const replaces = before && before.deviceId !== deviceId ? { replaces: before.deviceId } : {}
      const row: Row = { deviceId, deviceData: device.device_data, ...replaces }
      await store.batch([this.#table.put([userId], row)])
      await this.#settle(userId, row)
    })
  }

  /** The id of the device that is gone; undefined where there was none. */
  delete(userId: UserId): Promise<string | undefined> {
    return this.#queue.run(userId, async () => {
      const row = await this.#table.get(userId)
      if (row) await this.#deps().devices.remove(userId, [row.deviceId])
      return row?.deviceId
    })
  }

  /**
   * Messages to the dehydrated device, oldest first and page by page; the last page names no `next_batch`. Nothing is deleted:
   * that happens when the client replaces the device. Throws 404 for what is not the user's dehydrated device, 400 for a bad
   * token.
   */
  async events(userId: UserId, deviceId: string, token: string | undefined): Promise<DehydratedEvents> {
    const { inbox, positions } = this.#deps()
    const from = await this.#readToken(userId, deviceId, token)
    const page = await inbox.messages(userId, deviceId, from, positions.current(), PAGE + 1)
    const events = page.slice(0, PAGE)
    const last = events.at(-1)?.position ?? from
    return { events: events.map(({ event }) => event), ...(page.length > PAGE && { next_batch: `d${last}` }) }
  }

  /**
   * The same as clients asked until 2026: every page names a `next_batch`, the last one is empty, and asking with a page's
   * token says that everything up to it has been read: that is then gone.
   */
  async takeEvents(userId: UserId, deviceId: string, token: string | undefined): Promise<DehydratedEvents> {
    const { inbox, positions } = this.#deps()
    const from = await this.#readToken(userId, deviceId, token)
    const to = positions.current()
    if (from > 0) await inbox.deleteUpTo(userId, deviceId, Math.min(from, to))
    const page = await inbox.messages(userId, deviceId, from, to, PAGE)
    return { events: page.map(({ event }) => event), next_batch: `d${page.at(-1)?.position ?? from}` }
  }

  async forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    return (await this.#table.get(userId))?.deviceId === deviceId ? [this.#table.del(userId)] : []
  }

  /** The stream position that the token stands for; 0 without one. */
  async #readToken(userId: UserId, deviceId: string, token: string | undefined): Promise<number> {
    if ((await this.#table.get(userId))?.deviceId !== deviceId) {
      throw new MatrixError(404, 'M_NOT_FOUND', 'That is not your dehydrated device')
    }
    const from = token === undefined ? 0 : Number(TOKEN.exec(token)?.[1] ?? Number.NaN)
    if (!Number.isSafeInteger(from)) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a token of this list')
    return from
  }

  async #settle(userId: UserId, { replaces, ...row }: Row): Promise<void> {
    if (replaces === undefined) return
    const { devices, store } = this.#deps()
    await devices.remove(userId, [replaces])
    await store.batch([this.#table.put([userId], row)], { durable: false })
  }
}
