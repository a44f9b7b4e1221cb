import { type BadgeCountDeps, badgeCount } from './badge-count.ts'
import { gatewayOverHttp, type SendToGateway } from './push-gateway.ts'
import { PushQueue } from './push-queue.ts'
import { PushSender } from './push-sender.ts'
import { PushWatcher, type PushWatcherDeps } from './push-watcher.ts'

export interface PushDeliveryDeps extends Omit<PushWatcherDeps, 'queue' | 'sender'>, BadgeCountDeps {
  /** Origins of gateways that the node's owner has named: they may lie on the own network. */
  readonly ownGateways: readonly string[]
  /** Default: over HTTP. */
  readonly sendToGateway?: SendToGateway
  /** Default: `retryDelayMs`. */
  readonly retryDelayMs?: (failures: number) => number
}

/** Pushing from the event to the gateway (Client-Server API, "Push Notifications"; Push Gateway API). */
export class PushDelivery {
  readonly watcher: PushWatcher
  readonly sender: PushSender

  constructor(deps: PushDeliveryDeps) {
    const isAllowed = (url: URL) => deps.ownGateways.includes(url.origin)
    const send = deps.sendToGateway ?? gatewayOverHttp({ isAllowed })
    const queue = new PushQueue(deps.store, deps.clock)
    this.sender = new PushSender({ ...deps, queue, send, unread: badgeCount(deps) })
    this.watcher = new PushWatcher({ ...deps, queue, sender: this.sender })
  }

  start(): void {
    this.watcher.start()
  }

  async stop(): Promise<void> {
    await this.watcher.stop()
    await this.sender.stop()
  }
}
