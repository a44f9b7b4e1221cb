import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, isJsonObject, type KeyValueStore, type Logger, type UserId } from '@starling/protocol'
import type { Pushers } from '../pushers.ts'
import { gatewayNotification, type NotificationSources } from './gateway-notification.ts'
import type { GatewayOutcome, SendToGateway } from './push-gateway.ts'
import type { PusherKey, PushQueue } from './push-queue.ts'

/** Wait before the next try, by how many have failed in a row: 5 s, doubled up to an hour. */
export const retryDelayMs = (failures: number): number => Math.min(3_600_000, 5_000 * 2 ** Math.min(failures - 1, 12))

/** What nobody could be told of for so long is not news any more. */
export const MAX_AGE_MS = 24 * 60 * 60 * 1000

export interface PushSenderDeps extends NotificationSources {
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly logger: Logger
  readonly pushers: Pushers
  readonly queue: PushQueue
  readonly send: SendToGateway
  /** Unread messages of all the user's rooms. */
  readonly unread: (userId: UserId) => Promise<number>
  readonly retryDelayMs?: (failures: number) => number
}

/**
 * Hands queued notifications to their gateways, one after the other per pusher. A gateway that does not take one is asked
 * again, ever more seldom, until the notification is a day old; a push key that it rejects is forgotten.
 */
export class PushSender {
  readonly #deps: PushSenderDeps
  readonly #stopped = new AbortController()
  /** One per pusher with something to send: bounded by the number of pushers. */
  readonly #workers = new Map<string, Promise<void>>()

  constructor(deps: PushSenderDeps) {
    this.#deps = deps
  }

  /** Works through what waits for this pusher, unless that is under way already. */
  wake(key: PusherKey): void {
    const name = JSON.stringify(key)
    if (this.#stopped.signal.aborted || this.#workers.has(name)) return
    const worker = this.#drain(key)
      .catch((error: unknown) => {
        if (!this.#stopped.signal.aborted) this.#deps.logger.error({ error: String(error) }, 'push queue failed')
      })
      .finally(() => this.#workers.delete(name))
    this.#workers.set(name, worker)
  }

  /** Resolves once nothing is under way: everything is delivered, given up, or stopped. */
  async idle(): Promise<void> {
    while (this.#workers.size > 0) await Promise.all(this.#workers.values())
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.idle()
  }

  async #drain(key: PusherKey): Promise<void> {
    const { queue, store } = this.#deps
    for (let failures = 0; !this.#stopped.signal.aborted; ) {
      const next = await queue.first(key)
      if (!next) return
      const outcome = await this.#tell(key, next.push)
      if (outcome === 'later') {
        failures += 1
        await sleep((this.#deps.retryDelayMs ?? retryDelayMs)(failures), undefined, {
          signal: this.#stopped.signal,
          ref: false,
        })
        continue
      }
      failures = 0
      await store.batch(outcome === 'done' ? [next.remove] : await queue.clear(key), { durable: false })
    }
  }

  /** `later`: try again; `done`: told, or not worth telling; `never`: nothing of what waits for this pusher. */
  async #tell(key: PusherKey, push: Parameters<typeof gatewayNotification>[2]): Promise<'later' | 'done' | 'never'> {
    const { pushers, clock, unread, send } = this.#deps
    const owned = await pushers.get(...key)
    if (!owned) return 'never'
    if (clock.now() - push.ts > MAX_AGE_MS) return 'done'
    const body = await gatewayNotification(this.#deps, owned, push, await unread(owned.userId))
    if (!body) return 'done'
    const url = isJsonObject(owned.pusher.data) ? owned.pusher.data.url : undefined
    return this.#judge(key, await send(String(url), body, this.#stopped.signal))
  }

  async #judge(key: PusherKey, outcome: GatewayOutcome): Promise<'later' | 'done' | 'never'> {
    const { pushers, logger } = this.#deps
    const [userId, appId, pushkey] = key
    if (outcome.kind === 'failed') {
      logger.debug({ appId, reason: outcome.reason }, 'push gateway did not take a notification')
      return 'later'
    }
    if (outcome.kind === 'refused') {
      logger.warn({ userId, appId, reason: outcome.reason }, 'nothing is sent to this push gateway')
      return 'never'
    }
    if (!outcome.rejected.includes(pushkey)) return 'done'
    logger.info({ userId, appId }, 'push gateway rejected a push key: pusher removed')
    await pushers.delete(userId, appId, pushkey)
    return 'never'
  }
}
