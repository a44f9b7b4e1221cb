import type { BatchOperation, Clock, JsonObject, KeyValueStore, Logger, RandomBytes, UserId } from '@starling/protocol'
import type { Outbound } from '../ports.ts'
import { buckets } from '../store/buckets.ts'
import { KeyedQueue } from '../store/keyed-queue.ts'
import { RetryTimer } from '../store/retry-timer.ts'
import { defineTable } from '../store/table.ts'

interface OutgoingMessage {
  readonly sender: UserId
  readonly type: string
  readonly messages: { readonly [userId: string]: { readonly [deviceId: string]: JsonObject } }
}

/** A message id is at most 32 code points (Server-server API, "m.direct_to_device"). */
const MESSAGE_ID_BYTES = 18

export interface OutgoingDeps {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly outbound: Pick<Outbound, 'toDevice'>
  readonly randomBytes: RandomBytes
  readonly logger: Logger
  /** First wait before what the outbox refused is tried again, if other than the retry timer's. In milliseconds. */
  readonly retryMs?: number
}

/**
 * Messages for other servers on their way to the outbox. A row is written with the client's transaction and removed once
 * the outbox has it; repeated after a crash under the same message id, by which receivers drop it.
 */
export class Outgoing {
  readonly #deps: OutgoingDeps
  readonly #rows
  readonly #queue = new KeyedQueue()
  readonly #retry: RetryTimer
  #lastOrder = 0

  constructor(deps: OutgoingDeps) {
    this.#deps = deps
    this.#retry = new RetryTimer(() => void this.flush(), deps.retryMs)
    this.#rows = defineTable<[order: number, messageId: string], OutgoingMessage>(
      deps.store,
      buckets.toDeviceOutgoing,
      'ns',
    )
  }

  put(message: OutgoingMessage): BatchOperation {
    this.#lastOrder = Math.max(this.#deps.clock.now(), this.#lastOrder + 1)
    const messageId = Buffer.from(this.#deps.randomBytes(MESSAGE_ID_BYTES)).toString('base64url')
    return this.#rows.put([this.#lastOrder, messageId], message)
  }

  /** Oldest first. What the outbox refuses stays and is tried again later. */
  flush(): Promise<void> {
    return this.#queue.run('flush', async () => {
      try {
        for await (const { key, row } of this.#rows.scan([])) {
          await this.#deps.outbound.toDevice({ ...row, messageId: key[1] })
          await this.#deps.store.batch([this.#rows.del(...key)], { durable: false })
        }
        this.#retry.succeeded()
      } catch (error) {
        this.#deps.logger.warn({ err: error }, 'to-device message not handed to the outbox; kept for later')
        this.#retry.failed()
      }
    })
  }

  stop(): void {
    this.#retry.stop()
  }
}
