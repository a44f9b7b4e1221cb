import type { ServerName } from '@starling/protocol'
import type { Timers } from './ports.ts'

/**
 * A server that was just met is compared with at once, but gossip with it begins only when subscriptions are known, admitted and
 * grafted, some seconds later, and what is published in between reaches it by nobody. So it is compared with again then, and the
 * next heartbeat, a minute away, need not find it out.
 */
export class SecondLooks {
  readonly #timers: Timers
  readonly #delaysMs: readonly number[]
  readonly #look: (server: ServerName) => void
  /** Of the last meeting with each server that is connected: as many as there are connections. */
  readonly #pending = new Map<ServerName, readonly (() => void)[]>()

  constructor(timers: Timers, delaysMs: readonly number[], look: (server: ServerName) => void) {
    this.#timers = timers
    this.#delaysMs = delaysMs
    this.#look = look
  }

  /** A meeting anew takes the place of the one before. */
  met(server: ServerName): void {
    this.lost(server)
    const cancels = this.#delaysMs.map((ms) => this.#timers.after(ms, () => this.#look(server)))
    this.#pending.set(server, cancels)
  }

  lost(server: ServerName): void {
    for (const cancel of this.#pending.get(server) ?? []) cancel()
    this.#pending.delete(server)
  }

  stop(): void {
    for (const server of [...this.#pending.keys()]) this.lost(server)
  }
}
