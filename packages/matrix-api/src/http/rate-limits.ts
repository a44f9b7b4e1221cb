import type { Clock } from '@starling/protocol'
import type { RateClass } from './endpoint.ts'
import { MatrixError } from './matrix-error.ts'

interface Rate {
  /** Calls that may come at once. */
  readonly burst: number
  /** Calls per second after that. */
  readonly perSecond: number
}

/**
 * Sized for one household: far above what clients do, far below what hurts. Element sends about 12 writes when a room is
 * opened; a script that imports messages is the heaviest honest writer.
 */
export const RATES: Readonly<Record<Exclude<RateClass, 'none'>, Rate>> = {
  login: { burst: 10, perSecond: 0.2 },
  refresh: { burst: 30, perSecond: 1 },
  write: { burst: 200, perSecond: 50 },
  'create-room': { burst: 20, perSecond: 0.5 },
  search: { burst: 30, perSecond: 5 },
  /** Each is a message to the owner. */
  report: { burst: 20, perSecond: 0.1 },
}

/** Buckets kept; beyond that the one longest unused goes first (it is the fullest, so forgetting it costs least). */
const MAX_BUCKETS = 10_000

interface Bucket {
  tokens: number
  filledAt: number
}

export interface RateLimiter {
  /** Takes one call from the bucket of `who` (a user id, else an address). Throws 429 `M_LIMIT_EXCEEDED`. */
  take(rateClass: RateClass, who: string): void
}

export const NO_RATE_LIMITS: RateLimiter = { take: () => undefined }

/** Token buckets in memory, by class and caller. */
export function createRateLimiter(clock: Clock, rates: Readonly<Record<string, Rate>> = RATES): RateLimiter {
  const buckets = new Map<string, Bucket>()
  return {
    take(rateClass, who) {
      const rate = rates[rateClass]
      if (!rate) return
      const key = `${rateClass} ${who}`
      const now = clock.now()
      const bucket = buckets.get(key) ?? { tokens: rate.burst, filledAt: now }
      const elapsed = Math.max(0, now - bucket.filledAt) / 1000
      bucket.tokens = Math.min(rate.burst, bucket.tokens + elapsed * rate.perSecond)
      bucket.filledAt = now
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > MAX_BUCKETS) dropOldest(buckets)
      if (bucket.tokens < 1) throw limitExceeded(((1 - bucket.tokens) / rate.perSecond) * 1000)
      bucket.tokens -= 1
    },
  }
}

function dropOldest(buckets: Map<string, Bucket>): void {
  for (const key of buckets.keys()) {
    buckets.delete(key)
    return
  }
}

function limitExceeded(waitMs: number): MatrixError {
  return new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many requests: wait a while', {
    retry_after_ms: Math.ceil(waitMs),
  })
}
