import type { BatchOperation, Clock, EventId, JsonObject, KeyValueStore, RoomId, UserId } from '@starling/protocol'
import { buckets } from '../../store/buckets.ts'
import { defineTable } from '../../store/table.ts'
import type { OwnedPusher } from '../pushers.ts'

/** An event or an invite that a pusher's user is to hear of. What it says is read when it is sent. */
export interface QueuedPush {
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly kind: 'event' | 'invite'
  readonly tweaks: JsonObject
  /** When it was queued, in milliseconds since the Unix epoch. */
  readonly ts: number
}

export type PusherKey = readonly [userId: UserId, appId: string, pushkey: string]

/** Waiting per pusher; beyond that the oldest goes first: what a phone shows is the newest. */
export const MAX_QUEUED = 100

/** Notifications that gateways have not taken yet, by pusher and in order. Survives restarts. */
export class PushQueue {
  readonly #clock: Clock
  readonly #table
  readonly #limit: number
  #lastOrder = 0

  constructor(store: KeyValueStore, clock: Clock, limit = MAX_QUEUED) {
    this.#clock = clock
    this.#limit = limit
    this.#table = defineTable<[user: string, app: string, pushkey: string, order: number], QueuedPush>(
      store,
      buckets.pushQueue,
      'sssn',
    )
  }

  /** What appends these for one pusher, and drops what is then too much. */
  async add(key: PusherKey, pushes: readonly Omit<QueuedPush, 'ts'>[]): Promise<readonly BatchOperation[]> {
    const newest = pushes.slice(-this.#limit)
    const waiting = await Array.fromAsync(this.#table.scan(key))
    const surplus = waiting.slice(0, Math.max(0, waiting.length + newest.length - this.#limit))
    return [
      ...surplus.map((one) => this.#table.del(...one.key)),
      ...newest.map((push) => this.#table.put([...key, this.#nextOrder()], { ...push, ts: this.#clock.now() })),
    ]
  }

  /** The oldest that waits. */
  async first(key: PusherKey): Promise<{ readonly push: QueuedPush; readonly remove: BatchOperation } | undefined> {
    for await (const one of this.#table.scan(key, { limit: 1 })) {
      return { push: one.row, remove: this.#table.del(...one.key) }
    }
    return undefined
  }

  async clear(key: PusherKey): Promise<readonly BatchOperation[]> {
    return (await Array.fromAsync(this.#table.scan(key))).map((one) => this.#table.del(...one.key))
  }

  /** Pushers for which anything waits. */
  async waiting(): Promise<readonly PusherKey[]> {
    const keys = new Map<string, PusherKey>()
    for await (const { key } of this.#table.scan([])) {
      const [user, app, pushkey] = key
      keys.set(JSON.stringify([user, app, pushkey]), [user as UserId, app, pushkey])
    }
    return [...keys.values()]
  }

  #nextOrder(): number {
    this.#lastOrder = Math.max(this.#clock.now(), this.#lastOrder + 1)
    return this.#lastOrder
  }
}

export function keyOf({ userId, pusher }: OwnedPusher): PusherKey {
  return [userId, pusher.app_id, pusher.pushkey]
}
