import type { Clock, Logger, RoomId } from '@starling/protocol'
import type { Timers } from '../exchange/ports.ts'
import type { TimelinePruner } from './prune-timeline.ts'
import { lifetimeOf, type RetentionLimits } from './retention-policy.ts'

/** Until the first round after a start, and between two rounds, in milliseconds. */
const FIRST_ROUND = 60_000
const BETWEEN_ROUNDS = 3600_000
/** Between two turns, so that rooms in use are not held up. */
const BETWEEN_TURNS = 20

export interface RetentionParts {
  readonly limits: RetentionLimits
  readonly rooms: { joinedRooms(): Promise<readonly RoomId[]> }
  readonly pruner: TimelinePruner
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

/**
 * Lets history go that is older than its room and the node's owner keep it: a round over all rooms every hour, in small turns as the
 * rooms' own writer. A turn is one atomic batch and nothing else is noted, so a round that a crash ends is begun anew by the next.
 */
export class Retention {
  readonly #parts: RetentionParts
  #cancel: (() => void) | undefined
  #running: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(parts: RetentionParts) {
    this.#parts = parts
  }

  /** Does nothing where the limits keep everything. */
  start(): void {
    const { maxAge, followRooms } = this.#parts.limits
    if (maxAge !== undefined || followRooms) this.#schedule(FIRST_ROUND)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  /** One round over all rooms. @returns how many messages went. */
  async round(): Promise<number> {
    let pruned = 0
    for (const roomId of await this.#parts.rooms.joinedRooms()) {
      if (this.#stopped) break
      pruned += await this.#room(roomId)
    }
    return pruned
  }

  async #room(roomId: RoomId): Promise<number> {
    const { pruner, limits, clock, logger } = this.#parts
    const lifetime = lifetimeOf(await pruner.policyOf(roomId), limits)
    if (lifetime === undefined) return 0
    let total = 0
    let at: { readonly next: number | undefined; readonly young: number } = { next: undefined, young: 0 }
    do {
      const turn = await pruner.turn(roomId, clock.now() - lifetime, at.next, at.young)
      total += turn.pruned
      at = turn
      await this.#pause()
    } while (at.next !== undefined && !this.#stopped)
    if (total === 0) return 0
    await pruner.closeHistory(roomId)
    logger.info({ roomId, events: total }, 'messages older than they are kept were removed')
    return total
  }

  #pause(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => this.#parts.timers.after(BETWEEN_TURNS, resolve))
  }

  #schedule(ms: number): void {
    this.#cancel = this.#parts.timers.after(ms, () => {
      this.#running = this.round()
        .catch((error: unknown) => this.#parts.logger.error({ error }, 'old history could not be removed'))
        .finally(() => {
          if (!this.#stopped) this.#schedule(BETWEEN_ROUNDS)
        })
    })
  }
}
