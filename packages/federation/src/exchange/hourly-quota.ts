import { LruMap } from '../store/lru-map.ts'
import { limits } from './limits.ts'

const HOUR_MS = 3_600_000

/**
 * How much of something a key (mostly a server) may have in an hour, refilled evenly; a whole hour's worth may be taken at
 * once. Keys are bounded: the least recent is dropped first, and starts full again.
 */
export class HourlyQuota {
  readonly #clock: { now(): number }
  readonly #perHour: number
  readonly #buckets = new LruMap<string, { tokens: number; at: number }>(limits.quotasCounted)

  constructor(clock: { now(): number }, perHour: number) {
    this.#clock = clock
    this.#perHour = perHour
  }

  /** 0 where that many more are fine (and counted), else milliseconds until they are. */
  take(key: string, amount = 1): number {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#perHour, at: now }
    const refilled = bucket.tokens + (Math.max(0, now - bucket.at) * this.#perHour) / HOUR_MS
    bucket.tokens = Math.min(this.#perHour, refilled)
    bucket.at = now
    this.#buckets.set(key, bucket)
    if (bucket.tokens < amount) return Math.ceil(((amount - bucket.tokens) * HOUR_MS) / this.#perHour)
    bucket.tokens -= amount
    return 0
  }

  /** Counts what was used already, also beyond the quota: what comes next waits the longer. */
  spend(key: string, amount: number): void {
    this.take(key, 0)
    const bucket = this.#buckets.get(key)
    if (bucket) bucket.tokens -= amount
  }
}
