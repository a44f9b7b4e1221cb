import type { BatchOperation, JsonObject, KeyValueStore, UserId } from '@starling/protocol'
import type { DeviceFollower } from '../devices/ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { buckets } from '../store/buckets.ts'
import { defineTable } from '../store/table.ts'
import type { ToDeviceInbox } from '../sync/ports.ts'

/** A message as it waits and as the client gets it. */
export interface InboxMessage extends JsonObject {
  readonly sender: UserId
  readonly type: string
  readonly content: JsonObject
}

export interface InboxLimits {
  readonly maxMessages: number
  /** UTF-16 units of the messages' JSON. */
  readonly maxLength: number
}

/** Per device. Some weeks of a busy account that is never online; a room key message has about 2 KiB. */
export const INBOX_LIMITS: InboxLimits = { maxMessages: 10_000, maxLength: 32 * 1024 * 1024 }

/** Share of the heaviest sender's messages dropped at once, so that a flood does not cost a scan per message. */
const DROPPED_SHARE = 0.1

/** How full a device's inbox is. May count too much after deletions, never too little; a scan corrects it. */
interface Fill {
  messages: number
  length: number
}

/** Devices whose fill is kept in memory. */
const MAX_CACHED_FILLS = 5_000

/**
 * To-device messages until the device has them (Client-Server API, "Send-to-Device messaging"). Bounded per device: when
 * full, the oldest messages of the sender who fills it most are dropped first, so that nobody can push out what
 * others have sent.
 */
export class Inbox implements ToDeviceInbox, DeviceFollower {
  readonly #store: KeyValueStore
  readonly #limits: InboxLimits
  readonly #rows
  readonly #fills = new LruCache<string, Fill>(MAX_CACHED_FILLS)

  constructor(store: KeyValueStore, limits: InboxLimits = INBOX_LIMITS) {
    this.#store = store
    this.#limits = limits
    this.#rows = defineTable<[user: string, device: string, position: number], InboxMessage>(
      store,
      buckets.toDeviceInbox,
      'ssn',
    )
  }

  /** What puts one message at a position, with the removal of what has to go for it. One message per device and position. */
  async add(userId: UserId, deviceId: string, position: number, message: InboxMessage): Promise<BatchOperation[]> {
    const fill = await this.#fill(userId, deviceId)
    fill.messages += 1
    fill.length += lengthOf(message)
    const operations: BatchOperation[] = []
    if (fill.messages > this.#limits.maxMessages || fill.length > this.#limits.maxLength) {
      operations.push(...(await this.#dropHeaviest(userId, deviceId)))
    }
    return [...operations, this.#rows.put([userId, deviceId, position], message)]
  }

  async messages(userId: UserId, deviceId: string, from: number, to: number, limit: number) {
    const found: { position: number; event: JsonObject }[] = []
    for await (const { key, row } of this.#rows.scan([userId, deviceId], { after: from, upTo: to, limit })) {
      found.push({ position: key[2], event: row })
    }
    return found
  }

  /** Not flushed to disk: rows that a crash brings back lie at or below the client's token, where no sync looks. */
  async deleteUpTo(userId: UserId, deviceId: string, position: number): Promise<void> {
    const operations: BatchOperation[] = []
    for await (const { key } of this.#rows.scan([userId, deviceId], { upTo: position })) {
      operations.push(this.#rows.del(...key))
    }
    if (operations.length === 0) return
    await this.#store.batch(operations, { durable: false })
    this.#fills.delete(fillKey(userId, deviceId))
  }

  async forgetDevice(userId: UserId, deviceId: string): Promise<readonly BatchOperation[]> {
    const operations: BatchOperation[] = []
    for await (const { key } of this.#rows.scan([userId, deviceId])) operations.push(this.#rows.del(...key))
    this.#fills.delete(fillKey(userId, deviceId))
    return operations
  }

  async #fill(userId: UserId, deviceId: string): Promise<Fill> {
    const key = fillKey(userId, deviceId)
    const known = this.#fills.get(key)
    if (known) return known
    const fill = { messages: 0, length: 0 }
    for await (const { row } of this.#rows.scan([userId, deviceId])) {
      fill.messages += 1
      fill.length += lengthOf(row)
    }
    this.#fills.set(key, fill)
    return fill
  }

  async #dropHeaviest(userId: UserId, deviceId: string): Promise<BatchOperation[]> {
    const bySender = new Map<UserId, { positions: number[]; length: number }>()
    for await (const { key, row } of this.#rows.scan([userId, deviceId])) {
      const held = bySender.get(row.sender) ?? { positions: [], length: 0 }
      held.positions.push(key[2])
      held.length += lengthOf(row)
      bySender.set(row.sender, held)
    }
    const share = ({ positions, length }: { positions: number[]; length: number }) =>
      Math.max(positions.length / this.#limits.maxMessages, length / this.#limits.maxLength)
    const heaviest = [...bySender.values()].sort((a, b) => share(b) - share(a))[0]
    if (!heaviest) return []
    const dropped = heaviest.positions.slice(0, Math.ceil(heaviest.positions.length * DROPPED_SHARE))
    // Counted again at the next message, from what is then there.
    this.#fills.delete(fillKey(userId, deviceId))
    return dropped.map((position) => this.#rows.del(userId, deviceId, position))
  }
}

function lengthOf(message: InboxMessage): number {
  return JSON.stringify(message).length
}

function fillKey(userId: UserId, deviceId: string): string {
  return `${userId} ${deviceId}`
}
