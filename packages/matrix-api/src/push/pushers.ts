import type { BatchOperation, Clock, JsonObject, KeyValueStore, UserId } from '@starling/protocol'
import type { DeviceFollower } from '../devices/ports.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { defineTable } from '../store/table.ts'

/** A pusher as its client set it (Client-Server API, "Push Notifications"). */
export interface Pusher extends JsonObject {
  readonly app_id: string
  readonly pushkey: string
}

interface Row {
  readonly pusher: Pusher
  /** The device that set it; the pusher goes with it. */
  readonly deviceId: string
  /** Milliseconds since the Unix epoch; absent in rows of older versions. */
  readonly setAt?: number
}

/** One pusher of one user. */
export interface OwnedPusher {
  readonly userId: UserId
  readonly pusher: Pusher
  readonly setAt: number
}

/** Per user; more is refused. One per device is usual. */
const MAX_PUSHERS = 200

/** Where local users want to be notified. */
export class Pushers implements DeviceFollower {
  readonly #store: KeyValueStore
  readonly #clock: Clock
  readonly #table
  readonly #queue = new KeyedQueue()
  readonly #listeners = new Set<() => void>()

  constructor(store: KeyValueStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.#table = defineTable<[user: string, app: string, pushkey: string], Row>(store, buckets.pushers, 'sss')
  }

  async list(userId: UserId): Promise<readonly Pusher[]> {
    const pushers: Pusher[] = []
    for await (const { row } of this.#table.scan([userId])) pushers.push(row.pusher)
    return pushers
  }

  /** Of all users. */
  async all(): Promise<readonly OwnedPusher[]> {
    const owned: OwnedPusher[] = []
    for await (const { key, row } of this.#table.scan([])) {
      owned.push({ userId: key[0] as UserId, pusher: row.pusher, setAt: row.setAt ?? 0 })
    }
    return owned
  }

  async get(userId: UserId, appId: string, pushkey: string): Promise<OwnedPusher | undefined> {
    const row = await this.#table.get(userId, appId, pushkey)
    return row && { userId, pusher: row.pusher, setAt: row.setAt ?? 0 }
  }

  /** Called whenever a pusher has been set. */
  onSet(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Replaces the pusher with the same app id and push key; without `append`, other users' with the same go. */
  set(userId: UserId, deviceId: string, pusher: Pusher, append: boolean): Promise<void> {
    return this.#queue.run('pushers', async () => {
      const { app_id, pushkey } = pusher
      const known = await this.list(userId)
      const replaces = known.some((one) => one.app_id === app_id && one.pushkey === pushkey)
      if (!replaces && known.length >= MAX_PUSHERS) throw new MatrixError(400, 'M_INVALID_PARAM', 'Too many pushers')
      const others = append ? [] : await this.#sameElsewhere(userId, app_id, pushkey)
      const row: Row = { pusher, deviceId, setAt: this.#clock.now() }
      await this.#store.batch([...others, this.#table.put([userId, app_id, pushkey], row)])
      for (const listener of this.#listeners) listener()
    })
  }

  delete(userId: UserId, appId: string, pushkey: string): Promise<void> {
    return this.#queue.run('pushers', () => this.#store.batch([this.#table.del(userId, appId, pushkey)]))
  }

  async forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    const operations: BatchOperation[] = []
    for await (const { key, row } of this.#table.scan([userId])) {
      if (row.deviceId === deviceId) operations.push(this.#table.del(...key))
    }
    return operations
  }

  async #sameElsewhere(userId: UserId, appId: string, pushkey: string): Promise<BatchOperation[]> {
    const operations: BatchOperation[] = []
    for await (const { key } of this.#table.scan([])) {
      if (key[0] !== userId && key[1] === appId && key[2] === pushkey) operations.push(this.#table.del(...key))
    }
    return operations
  }
}
