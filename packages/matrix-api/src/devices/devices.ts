import type { Clock, KeyValueStore, UserId } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import type { DeviceRegistry } from '../session/device-registry.ts'
import type { KeyedQueue } from '../store/keyed-queue.ts'
import type { DeviceStore } from './device-store.ts'
import type { DeviceChanges, DeviceFollower, DeviceSessions } from './ports.ts'

/** A device as its owner sees it. Client-Server API, "Device Management". */
export interface Device {
  readonly device_id: string
  readonly display_name?: string
  readonly last_seen_ip?: string
  /** Milliseconds since the Unix epoch, up to a minute old. */
  readonly last_seen_ts?: number
}

export interface DevicesDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly devices: DeviceStore
  readonly sessions: DeviceSessions
  readonly changes: DeviceChanges
  readonly followers: readonly DeviceFollower[]
  /** Cross-signing keys and devices share one namespace of key ids: a device may not be named like such a key. */
  readonly isCrossSigningKey: (userId: UserId, publicKey: string) => Promise<boolean>
  /** By user id: shared with whatever else writes a user's keys. */
  readonly queue: KeyedQueue
}

/** Longest device id taken: what Synapse takes, so that ids are welcome elsewhere. In bytes. */
export const MAX_DEVICE_ID_BYTES = 512

/** Characters of a display name; longer ones are refused. */
export const MAX_DISPLAY_NAME_LENGTH = 100

/** A new device when there are this many is refused: clients and other servers fetch the whole list at once. */
export const MAX_DEVICES_PER_USER = 1_000

/** The devices of the local users. */
export class Devices implements DeviceRegistry {
  readonly #deps: DevicesDeps

  constructor(deps: DevicesDeps) {
    this.#deps = deps
  }

  /** Throws `MatrixError` for an id that no device may have and for one device too many. */
  ensure(userId: UserId, deviceId: string, initialDisplayName: string | undefined): Promise<void> {
    const { devices, store, clock, queue } = this.#deps
    return queue.run(userId, async () => {
      if (await devices.exists(userId, deviceId)) return
      await this.#checkNewId(userId, deviceId)
      const displayName = initialDisplayName?.slice(0, MAX_DISPLAY_NAME_LENGTH)
      await store.batch([devices.put(userId, deviceId, { displayName, createdAt: clock.now() })])
    })
  }

  async list(userId: UserId): Promise<readonly string[]> {
    return (await this.#deps.devices.list(userId)).map(({ deviceId }) => deviceId)
  }

  async details(userId: UserId): Promise<readonly Device[]> {
    const devices = await this.#deps.devices.list(userId)
    return Promise.all(devices.map(({ deviceId, row }) => this.#describe(userId, deviceId, row.displayName)))
  }

  async get(userId: UserId, deviceId: string): Promise<Device | undefined> {
    const row = await this.#deps.devices.get(userId, deviceId)
    return row && this.#describe(userId, deviceId, row.displayName)
  }

  /** False where there is no such device. An unchanged name changes nothing. */
  rename(userId: UserId, deviceId: string, displayName: string): Promise<boolean> {
    const { devices, changes, queue } = this.#deps
    return queue.run(userId, async () => {
      const row = await devices.get(userId, deviceId)
      if (!row) return false
      if (row.displayName !== displayName) {
        await changes.commitDevice(userId, deviceId, [devices.put(userId, deviceId, { ...row, displayName })])
      }
      return true
    })
  }

  async remove(userId: UserId, deviceIds: readonly string[]): Promise<void> {
    for (const deviceId of new Set(deviceIds)) await this.#removeOne(userId, deviceId)
  }

  /** Tokens go first: a device that can still speak could upload keys again behind the deletion. */
  async #removeOne(userId: UserId, deviceId: string): Promise<void> {
    const { devices, sessions, changes, followers, queue } = this.#deps
    await sessions.revokeDevice(userId, deviceId)
    await queue.run(userId, async () => {
      if (!(await devices.exists(userId, deviceId))) return
      const forgotten = await Promise.all(followers.map((follower) => follower.forgetDevice(userId, deviceId)))
      const operations = [devices.del(userId, deviceId), ...forgotten.flat()]
      await changes.commitDevice(userId, deviceId, operations, { deleted: true })
    })
  }

  async #checkNewId(userId: UserId, deviceId: string): Promise<void> {
    const { devices, isCrossSigningKey } = this.#deps
    if (deviceId === '' || deviceId === '*' || Buffer.byteLength(deviceId) > MAX_DEVICE_ID_BYTES) {
      throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a device id')
    }
    if (await isCrossSigningKey(userId, deviceId)) {
      throw new MatrixError(403, 'M_FORBIDDEN', 'The device id is the same as a cross-signing key')
    }
    if ((await devices.list(userId)).length >= MAX_DEVICES_PER_USER) {
      throw new MatrixError(403, 'M_FORBIDDEN', 'This account has too many devices: delete some')
    }
  }

  async #describe(userId: UserId, deviceId: string, displayName: string | undefined): Promise<Device> {
    const seen = await this.#deps.sessions.lastSeen.get(userId, deviceId)
    return {
      device_id: deviceId,
      ...(displayName === undefined ? {} : { display_name: displayName }),
      ...(seen && { last_seen_ts: seen.ts, ...(seen.ip !== '' && { last_seen_ip: seen.ip }) }),
    }
  }
}
