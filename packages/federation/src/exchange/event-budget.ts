import type { ServerName } from '@starling/protocol'
import { LruMap } from '../store/lru-map.ts'

const MINUTE_MS = 60_000

/** Servers whose spending is remembered; the least recently used is dropped first, and starts full again. */
const SERVERS_KEPT = 1_024

/**
 * Events per minute that one server may cost us: those that we fetch because of it (bad input 53), or read to answer it.
 * Refilled evenly; a whole minute's worth may be spent at once.
 */
export class EventBudget {
  readonly #clock: { now(): number }
  readonly #perMinute: number
  readonly #spent = new LruMap<ServerName, { left: number; at: number }>(SERVERS_KEPT)

  constructor(clock: { now(): number }, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
  }

  /** How many of `wanted` events the server may cost now. */
  grant(server: ServerName, wanted: number): number {
    return Math.min(wanted, Math.floor(this.#bucket(server).left))
  }

  spend(server: ServerName, events: number): void {
    this.#bucket(server).left -= events
  }

  #bucket(server: ServerName): { left: number; at: number } {
    const now = this.#clock.now()
    const bucket = this.#spent.get(server) ?? { left: this.#perMinute, at: now }
    const refill = (Math.max(0, now - bucket.at) * this.#perMinute) / MINUTE_MS
    bucket.left = Math.min(this.#perMinute, bucket.left + refill)
    bucket.at = now
    this.#spent.set(server, bucket)
    return bucket
  }
}
