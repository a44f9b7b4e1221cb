import type { BatchOperation, JsonObject, KeyValueStore, Logger, UserId } from '@starling/protocol'
import type { Outbound } from '../ports.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { RetryTimer } from '../store/retry-timer.ts'
import { defineTable } from '../store/table.ts'
import type { KeyView } from './key-view.ts'

/** What other servers have yet to be told. The content is made when it is sent, from the rows as they are then. */
export type Announcement =
  | { readonly kind: 'device'; readonly deviceId: string; readonly deleted: boolean; readonly prevId?: number }
  | { readonly kind: 'signing-keys' }

export interface DeviceAnnouncementsDeps {
  readonly store: KeyValueStore
  readonly outbound: Pick<Outbound, 'deviceListUpdate' | 'signingKeyUpdate'>
  readonly view: KeyView
  readonly logger: Logger
  /** First wait before what the outbox refused is tried again, if other than the retry timer's. In milliseconds. */
  readonly retryMs?: number
}

/**
 * Hands changes of local users' devices to the outbox (Server-server API, "Device Management"). A row is written in the batch
 * of the change and removed once the outbox has it: a crash in between repeats an update, which receivers ignore by
 * its `stream_id`, but loses none.
 */
export class DeviceAnnouncements {
  readonly #deps: DeviceAnnouncementsDeps
  readonly #rows
  readonly #queue = new KeyedQueue()
  readonly #retry: RetryTimer

  constructor(deps: DeviceAnnouncementsDeps) {
    this.#deps = deps
    this.#retry = new RetryTimer(() => void this.flush(), deps.retryMs)
    this.#rows = defineTable<[user: string, order: number], Announcement>(deps.store, buckets.deviceAnnouncements, 'sn')
  }

  /** `order`: the stream position of the change; for devices also the `stream_id`. */
  put(userId: UserId, order: number, announcement: Announcement): BatchOperation {
    return this.#rows.put([userId, order], announcement)
  }

  /**
   * Sends what waits, in order. What the outbox refuses stays and is tried again later: the change itself is done, so its
   * caller is not failed.
   */
  flush(): Promise<void> {
    return this.#queue.run('flush', async () => {
      try {
        for await (const { key, row } of this.#rows.scan([])) {
          const [userId, order] = key
          await this.#send(userId as UserId, order, row)
          await this.#deps.store.batch([this.#rows.del(userId, order)], { durable: false })
        }
        this.#retry.succeeded()
      } catch (error) {
        this.#deps.logger.warn({ err: error }, 'device list update not handed to the outbox; kept for later')
        this.#retry.failed()
      }
    })
  }

  stop(): void {
    this.#retry.stop()
  }

  async #send(userId: UserId, order: number, announcement: Announcement): Promise<void> {
    const { outbound, view } = this.#deps
    if (announcement.kind === 'signing-keys') {
      await outbound.signingKeyUpdate({ user_id: userId, ...(await view.signingKeysForServers(userId)) })
      return
    }
    const { deviceId, deleted, prevId } = announcement
    const keys = deleted ? undefined : await view.deviceForServers(userId, deviceId)
    const content: JsonObject = keys
      ? { keys: keys.keys, ...(keys.displayName === undefined ? {} : { device_display_name: keys.displayName }) }
      : { deleted: true }
    await outbound.deviceListUpdate({
      user_id: userId,
      device_id: deviceId,
      stream_id: order,
      prev_id: prevId === undefined ? [] : [prevId],
      ...content,
    })
  }
}
