import {
  type BatchOperation,
  type Ed25519,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KeyValueStore,
  type UserId,
  withoutKeys,
} from '@starling/protocol'
import type { RemoteServers } from '../../ports.ts'
import { buckets } from '../../store/buckets.ts'
import { KeyedQueue } from '../../store/keyed-queue.ts'
import { defineTable } from '../../store/table.ts'
import type { DeviceLists } from '../device-lists.ts'
import {
  isStreamId,
  parseDeviceList,
  parseRemoteDevice,
  parseSigningKeys,
  type RemoteDeviceList,
} from './parse-device-list.ts'

export interface RemoteDeviceListsDeps {
  readonly store: KeyValueStore
  readonly remote: Pick<RemoteServers, 'devices'>
  readonly lists: DeviceLists
  readonly ed25519: Ed25519
}

interface Row {
  readonly list: RemoteDeviceList
  /** An update was missed, or nobody has listened for a while: fetch before use. */
  readonly stale: boolean
}

/** Longest wait for a user's list. */
const FETCH_TIMEOUT_MS = 10_000

/** Prior updates that an update may name; servers that send in series name one. */
const MAX_PREV_IDS = 100

/**
 * Device lists of users of other servers, kept current by their `m.device_list_update`s as long as a room is shared
 * (Server-server API, "Device Management"). Rows exist only for users who share a room with a local user; they go when
 * the last shared room does.
 */
export class RemoteDeviceLists {
  readonly #deps: RemoteDeviceListsDeps
  readonly #rows
  readonly #queue = new KeyedQueue()
  /** Fetches under way, one per user, with the newest `stream_id` heard of meanwhile. */
  readonly #fetches = new Map<UserId, { readonly done: Promise<RemoteDeviceList | undefined>; newest: number }>()

  constructor(deps: RemoteDeviceListsDeps) {
    this.#deps = deps
    this.#rows = defineTable<[user: string], Row>(deps.store, buckets.remoteDeviceLists, 's')
  }

  /** What is known, current or not. */
  async cached(userId: UserId): Promise<{ readonly list: RemoteDeviceList; readonly current: boolean } | undefined> {
    const row = await this.#rows.get(userId)
    return row && { list: row.list, current: !row.stale }
  }

  /**
   * Asks the user's server, once for all who ask meanwhile, and keeps the answer. `undefined` where the answer is unusable.
   * Rejects as `RemoteServers.devices` does, at the latest after 10 s.
   */
  fetch(userId: UserId): Promise<RemoteDeviceList | undefined> {
    const running = this.#fetches.get(userId)
    if (running) return running.done
    const done = this.#fetch(userId).finally(() => this.#fetches.delete(userId))
    this.#fetches.set(userId, { done, newest: 0 })
    return done
  }

  /** The list may have changed unheard: fetch before the next use. */
  async markStale(userIds: readonly UserId[]): Promise<void> {
    for (const userId of userIds) {
      await this.#queue.run(userId, async () => {
        const row = await this.#rows.get(userId)
        if (row && !row.stale) await this.#write([this.#rows.put([userId], { ...row, stale: true })])
      })
    }
  }

  /** Nobody here shares a room with them any more, and nobody will be told of their changes. */
  async forget(userIds: readonly UserId[]): Promise<void> {
    for (const userId of userIds) {
      await this.#queue.run(userId, async () => {
        if (await this.#rows.get(userId)) await this.#write([this.#rows.del(userId)])
      })
    }
  }

  /**
   * Takes an `m.device_list_update` or `m.signing_key_update` (the EDU or its content) from the user's own server. What is
   * malformed is dropped. Durable when it resolves.
   */
  async apply(userId: UserId, edu: JsonObject): Promise<void> {
    const content = isJsonObject(edu.content) && edu.edu_type !== undefined ? edu.content : edu
    if (content.user_id !== userId) return
    const interested = await this.#deps.lists.interestedIn(userId)
    if (interested.length === 0) {
      await this.forget([userId])
      return
    }
    const isDeviceUpdate = content.device_id !== undefined
    if (isDeviceUpdate && (typeof content.device_id !== 'string' || !isStreamId(content.stream_id))) return
    await this.#queue.run(userId, async () => {
      const row = await this.#rows.get(userId)
      const next =
        row && (isDeviceUpdate ? this.#withDevice(userId, row, content) : this.#withKeys(userId, row, content))
      if (row && next === row) return
      const operations: BatchOperation[] = next ? [this.#rows.put([userId], next)] : []
      await this.#deps.lists.commitRemote(userId, operations, interested)
    })
  }

  /** The row after one update; the same object where the update is already in. */
  #withDevice(userId: UserId, row: Row, content: JsonObject): Row {
    const streamId = content.stream_id as number
    const fetching = this.#fetches.get(userId)
    if (fetching) fetching.newest = Math.max(fetching.newest, streamId)
    const { list } = row
    if (streamId === list.streamId) return row
    if (streamId < list.streamId || !followsOn(content.prev_id, list.streamId)) return { ...row, stale: true }
    const deviceId = content.device_id as string
    const others = withoutKeys(
      list.devices as unknown as JsonObject,
      deviceId,
    ) as unknown as RemoteDeviceList['devices']
    if (content.deleted === true || content.keys === undefined) {
      return { ...row, list: { ...list, streamId, devices: others } }
    }
    const device = parseRemoteDevice(userId, deviceId, content.keys, content.device_display_name, this.#deps.ed25519)
    if (!device) return { ...row, stale: true }
    return { ...row, list: { ...list, streamId, devices: { ...others, [deviceId]: device } } }
  }

  #withKeys(userId: UserId, row: Row, content: JsonObject): Row {
    const { master_key: masterKey, self_signing_key: selfSigningKey } = content
    const { master: _master, selfSigning: _selfSigning, ...list } = row.list
    const keys = parseSigningKeys(userId, masterKey, selfSigningKey, this.#deps.ed25519)
    return keys.master ? { ...row, list: { ...list, ...keys } } : { ...row, stale: true }
  }

  async #fetch(userId: UserId): Promise<RemoteDeviceList | undefined> {
    const { remote, ed25519, lists } = this.#deps
    const answer: JsonValue = await remote.devices(userId, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
    const list = parseDeviceList(userId, answer, ed25519)
    if (!list) return undefined
    await this.#queue.run(userId, async () => {
      if ((await lists.interestedIn(userId)).length === 0) return
      const newest = this.#fetches.get(userId)?.newest ?? 0
      await this.#write([this.#rows.put([userId], { list, stale: newest > list.streamId })])
    })
    return list
  }

  /** A cache: what a crash loses is fetched again. */
  #write(operations: readonly BatchOperation[]): Promise<void> {
    return this.#deps.store.batch(operations, { durable: false })
  }
}

/** Whether everything that the update builds on is in. */
function followsOn(prevId: JsonValue | undefined, streamId: number): boolean {
  if (prevId === undefined || (Array.isArray(prevId) && prevId.length === 0)) return streamId === 0
  return (
    Array.isArray(prevId) &&
    prevId.length <= MAX_PREV_IDS &&
    (prevId as readonly JsonValue[]).every((id) => isStreamId(id) && id <= streamId)
  )
}
