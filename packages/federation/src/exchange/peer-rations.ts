import type { ServerName } from '@starling/protocol'
import { HourlyQuota } from './hourly-quota.ts'

export interface HourlyRation {
  readonly requests: number
  readonly events: number
  readonly bytes: number
}

/**
 * What one server may cost in an hour, by requests, events and bytes: apart for what is fetched from it and what is served to it.
 * A request that goes over is still carried out (what it brings is bounded by itself); the next ones have to wait.
 */
export class PeerRations {
  readonly #quotas: Readonly<Record<keyof HourlyRation, HourlyQuota>>

  constructor(clock: { now(): number }, ration: HourlyRation) {
    this.#quotas = {
      requests: new HourlyQuota(clock, ration.requests),
      events: new HourlyQuota(clock, ration.events),
      bytes: new HourlyQuota(clock, ration.bytes),
    }
  }

  /** Counts one request. Milliseconds until it is in the ration; 0 where it is now. */
  request(server: ServerName): number {
    const { requests, events, bytes } = this.#quotas
    return Math.max(events.take(server, 0), bytes.take(server, 0)) || requests.take(server)
  }

  spend(server: ServerName, cost: { readonly events: number; readonly bytes: number }): void {
    this.#quotas.events.spend(server, cost.events)
    this.#quotas.bytes.spend(server, cost.bytes)
  }
}
