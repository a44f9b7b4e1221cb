import type { Clock, Logger, RoomId } from '@starling/protocol'
import type { Timers } from '../exchange/ports.ts'
import { type HistorySizes, type HistorySpan, shareOf } from './history-sizes.ts'
import type { TimelinePruner } from './prune-timeline.ts'
import { lifetimeOf, type RetentionLimits, sparedFor } from './retention-policy.ts'

/** Until the first round after a start, and between two rounds, in milliseconds. */
const FIRST_ROUND = 60_000
const BETWEEN_ROUNDS = 3600_000
/** Between two turns, so that rooms in use are not held up. */
const BETWEEN_TURNS = 20

export interface RetentionParts {
  readonly limits: RetentionLimits
  readonly rooms: { joinedRooms(): Promise<readonly RoomId[]> }
  readonly pruner: TimelinePruner
  readonly sizes: HistorySizes
  readonly clock: Clock
  readonly timers: Timers
  readonly logger: Logger
}

/**
 * Lets history go that is older than its room and the node's owner keep it, or more than the owner's disk is to hold: a round over all
 * rooms every hour, in small turns as the rooms' own writer. A turn is one atomic batch and nothing else is noted, so a round that a crash ends is begun anew by the next.
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
    const { maxAge, followRooms, maxBytes } = this.#parts.limits
    if (maxAge !== undefined || followRooms || maxBytes !== undefined) this.#schedule(FIRST_ROUND)
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
    const { maxBytes } = this.#parts.limits
    return maxBytes === undefined ? pruned : pruned + (await this.#fit(maxBytes))
  }

  /** The largest rooms give their oldest messages until all together take no more than that. @returns how many went. */
  async #fit(maxBytes: number): Promise<number> {
    const sizes = new Map<RoomId, number>()
    for (const roomId of await this.#parts.rooms.joinedRooms()) {
      while (!this.#stopped && (await this.#parts.sizes.measure(roomId))) await this.#pause()
      if (this.#stopped) return 0
      sizes.set(roomId, sizeOf(await this.#parts.sizes.spans(roomId)))
    }
    const share = shareOf([...sizes.values()], maxBytes)
    let pruned = 0
    for (const [roomId, size] of sizes) if (size > share && !this.#stopped) pruned += await this.#shorten(roomId, share)
    return pruned
  }

  /** Takes the oldest spans of a room until it takes no more than `share`, or what is left is too young. */
  async #shorten(roomId: RoomId, share: number): Promise<number> {
    const { pruner, sizes, limits, clock, logger } = this.#parts
    const cutoff = clock.now() - sparedFor(await pruner.policyOf(roomId), limits)
    const spans = await sizes.spans(roomId)
    let left = sizeOf(spans)
    let total = 0
    for (const span of spans) {
      if (left <= share || this.#stopped) break
      if (span.bytes === 0) continue
      const pruned = await this.#prune(roomId, cutoff, span)
      if (pruned === 0) break
      total += pruned
      left -= span.bytes
      await sizes.settle(roomId, span.to)
    }
    if (total === 0) return 0
    await pruner.closeHistory(roomId)
    logger.info({ roomId, events: total, bytes: left }, 'the oldest messages of a large room were removed')
    return total
  }

  async #prune(roomId: RoomId, cutoff: number, { from, to }: HistorySpan): Promise<number> {
    let pruned = 0
    for (let after: number | undefined = from - 1; after !== undefined && !this.#stopped; ) {
      const turn = await this.#parts.pruner.turn(roomId, cutoff, after, { to })
      pruned += turn.pruned
      after = turn.next
      await this.#pause()
    }
    return pruned
  }

  async #room(roomId: RoomId): Promise<number> {
    const { pruner, sizes, limits, clock, logger } = this.#parts
    const lifetime = lifetimeOf(await pruner.policyOf(roomId), limits)
    if (lifetime === undefined) return 0
    let total = 0
    let last: number | undefined
    let at: { readonly next: number | undefined; readonly young: number } = { next: undefined, young: 0 }
    do {
      const turn = await pruner.turn(roomId, clock.now() - lifetime, at.next, { young: at.young })
      total += turn.pruned
      last = turn.last ?? last
      at = turn
      await this.#pause()
    } while (at.next !== undefined && !this.#stopped)
    if (total === 0) return 0
    if (last !== undefined) await sizes.settle(roomId, last)
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

function sizeOf(spans: readonly HistorySpan[]): number {
  return spans.reduce((sum, { bytes }) => sum + bytes, 0)
}
