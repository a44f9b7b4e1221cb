import type { ServerName } from '@starling/protocol'
import { LruMap } from '../../store/lru-map.ts'
import { limits } from '../limits.ts'

const HOUR_MS = 3_600_000

/** How many invites a server may bring: `invitesPerHour`, refilled evenly. */
export class InviteQuota {
  readonly #clock: { now(): number }
  readonly #buckets = new LruMap<ServerName, { tokens: number; at: number }>(limits.invitersCounted)

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  /** 0 where one more is fine (and counted), else milliseconds until the next. */
  take(server: ServerName): number {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(server) ?? { tokens: limits.invitesPerHour, at: now }
    const refilled = bucket.tokens + (Math.max(0, now - bucket.at) * limits.invitesPerHour) / HOUR_MS
    bucket.tokens = Math.min(limits.invitesPerHour, refilled)
    bucket.at = now
    this.#buckets.set(server, bucket)
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * HOUR_MS) / limits.invitesPerHour)
    bucket.tokens--
    return 0
  }
}
