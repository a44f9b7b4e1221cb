import type { Clock } from '@starling/protocol'
import { LruMap } from '../store/lru-map.ts'
import { netLimits } from './limits.ts'

/** A rate limit per key: `burst` at once, `perSecond` in the long run. Bounded: the least recently used bucket is dropped first. */
export class TokenBuckets {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perSecond: number
  readonly #buckets = new LruMap<string, { tokens: number; at: number }>(netLimits.bucketsKept)

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock
    this.#burst = burst
    this.#perSecond = perSecond
  }

  /** Takes `amount` if it is there; false where the key has used up what it may. */
  take(key: string, amount = 1): boolean {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now }
    const elapsed = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (elapsed / 1000) * this.#perSecond)
    bucket.at = now
    this.#buckets.set(key, bucket)
    if (bucket.tokens < amount) return false
    bucket.tokens -= amount
    return true
  }
}
