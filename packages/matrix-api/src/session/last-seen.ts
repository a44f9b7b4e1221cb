import type { BatchOperation, Clock, KeyValueStore, UserId } from '@starling/protocol'
import { buckets } from '../store/buckets.ts'
import { defineTable } from '../store/table.ts'

export interface Seen {
  /** Milliseconds since the epoch. */
  readonly ts: number
  readonly ip: string
}

/** Written at most this often per device: good enough for a person who looks through the devices. */
const GRAIN_MS = 60_000

/** Devices whose last write is remembered; beyond that the one longest remembered goes first, at the cost of one write more. */
const MAX_REMEMBERED = 1_000

/** When and from where each device was last heard of. Written without waiting for the disk: a crash loses a minute. */
export class LastSeen {
  readonly #store: KeyValueStore
  readonly #clock: Clock
  readonly #table
  readonly #written = new Map<string, number>()

  constructor(store: KeyValueStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.#table = defineTable<[user: string, device: string], Seen>(store, buckets.lastSeen, 'ss')
  }

  /** `ip` undefined: the device was heard of, the address is not known; the one known stays. */
  note(userId: UserId, deviceId: string, ip: string | undefined): void {
    const ts = this.#clock.now()
    const key = `${userId} ${deviceId}`
    const before = this.#written.get(key)
    if (before !== undefined && ts - before < GRAIN_MS) return
    this.#written.delete(key)
    this.#written.set(key, ts)
    if (this.#written.size > MAX_REMEMBERED) {
      const oldest = this.#written.keys().next()
      if (!oldest.done) this.#written.delete(oldest.value)
    }
    this.#write(userId, deviceId, ts, ip).catch(() => {
      this.#written.delete(key)
    })
  }

  /** When the device was last heard of, in milliseconds since the epoch and up to a minute too early; 0 where never. */
  async at(userId: UserId, deviceId: string): Promise<number> {
    return this.#written.get(`${userId} ${deviceId}`) ?? (await this.#table.get(userId, deviceId))?.ts ?? 0
  }

  async #write(userId: UserId, deviceId: string, ts: number, ip: string | undefined): Promise<void> {
    const known = ip ?? (await this.#table.get(userId, deviceId))?.ip ?? ''
    await this.#store.batch([this.#table.put([userId, deviceId], { ts, ip: known })], { durable: false })
  }

  get(userId: UserId, deviceId: string): Promise<Seen | undefined> {
    return this.#table.get(userId, deviceId)
  }

  forget(userId: UserId, deviceId: string): BatchOperation[] {
    this.#written.delete(`${userId} ${deviceId}`)
    return [this.#table.del(userId, deviceId)]
  }
}
