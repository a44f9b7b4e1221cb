import type { Clock, ServerName } from '@starling/protocol'
import { netLimits } from '../limits.ts'

export type Freshness =
  | 'fresh'
  /** This nonce came before. */
  | 'replayed'
  /** Outside the time window, or from before what is remembered: to be sent again with a corrected time. */
  | 'stale'
  /** No room to remember it: to be sent again later. */
  | 'full'

interface Origin {
  /** Nonce → its time, in order of arrival. */
  readonly nonces: Map<string, number>
  /** Nothing at or before this time is fresh: what was remembered of it has been dropped. */
  floor: number
}

/**
 * Takes each request once. A nonce is remembered while its time lies within the window; nothing from before this process
 * started is taken, since what was remembered then is gone. Where memory runs out, the oldest nonces go and everything as
 * old as they is refused: a flood makes the guard stricter, never blind.
 */
export class ReplayGuard {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #origins = new Map<ServerName, Origin>()
  #total = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAt = clock.now()
  }

  /** Remembers the nonce if it is fresh. `ts`: the request's `origin_server_ts`; only call with verified requests. */
  take(server: ServerName, nonce: string, ts: number): Freshness {
    const now = this.#clock.now()
    if (ts < this.#startedAt || Math.abs(ts - now) > netLimits.requestWindowMs) return 'stale'
    const origin = this.#origin(server, now)
    if (!origin) return 'full'
    if (origin.nonces.has(nonce)) return 'replayed'
    if (ts <= origin.floor) return 'stale'
    origin.nonces.set(nonce, ts)
    this.#total += 1
    this.#prune(origin, now)
    while (origin.nonces.size > netLimits.noncesPerOrigin) this.#dropOldest(origin)
    while (this.#total > netLimits.noncesOfAll) this.#dropOldest(this.#largest())
    return 'fresh'
  }

  /** True if the nonce was taken and is still remembered. */
  holds(server: ServerName, nonce: string): boolean {
    return this.#origins.get(server)?.nonces.has(nonce) ?? false
  }

  #origin(server: ServerName, now: number): Origin | undefined {
    const known = this.#origins.get(server)
    if (known) return known
    if (this.#origins.size >= netLimits.originsRemembered && !this.#makeRoom(now)) return undefined
    const origin = { nonces: new Map<string, number>(), floor: 0 }
    this.#origins.set(server, origin)
    return origin
  }

  /** Forgets origins of which nothing has to be remembered any more. */
  #makeRoom(now: number): boolean {
    for (const [server, origin] of this.#origins) {
      this.#prune(origin, now)
      if (origin.nonces.size === 0 && origin.floor < now - netLimits.requestWindowMs) this.#origins.delete(server)
    }
    return this.#origins.size < netLimits.originsRemembered
  }

  #prune(origin: Origin, now: number): void {
    for (const [nonce, ts] of origin.nonces) {
      if (ts >= now - netLimits.requestWindowMs) return
      origin.nonces.delete(nonce)
      this.#total -= 1
    }
  }

  #dropOldest(origin: Origin): void {
    for (const [nonce, ts] of origin.nonces) {
      origin.nonces.delete(nonce)
      origin.floor = Math.max(origin.floor, ts)
      this.#total -= 1
      return
    }
  }

  #largest(): Origin {
    let largest: Origin | undefined
    for (const origin of this.#origins.values()) {
      if (!largest || origin.nonces.size > largest.nonces.size) largest = origin
    }
    if (!largest) throw new Error('nonces are counted but none is held')
    return largest
  }
}
