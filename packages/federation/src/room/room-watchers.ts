import type { Logger, Pdu, RoomId } from '@starling/protocol'
import type { RoomWatcher } from '../contracts.ts'

/** Tells watchers what has become durable. A watcher that throws is logged and holds up nobody. */
export class RoomWatchers {
  readonly #watchers = new Set<RoomWatcher>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(watcher: RoomWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  localEvent(roomId: RoomId, event: Pdu): void {
    this.#tell((watcher) => watcher.localEvent?.(roomId, event))
  }

  accepted(roomId: RoomId, event: Pdu): void {
    this.#tell((watcher) => watcher.accepted?.(roomId, event))
  }

  serversChanged(roomId: RoomId): void {
    this.#tell((watcher) => watcher.serversChanged?.(roomId))
  }

  #tell(call: (watcher: RoomWatcher) => void): void {
    for (const watcher of this.#watchers) {
      try {
        call(watcher)
      } catch (error) {
        this.#logger.error({ error }, 'a room watcher failed')
      }
    }
  }
}
