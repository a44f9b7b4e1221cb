import type { Timers } from '@starling/federation'
import type { Clock } from '@starling/protocol'

/** A clock and timers that move only when told: a day of heartbeats, quotas and key rotations in the seconds of a run. */
export class VirtualTime implements Clock, Timers {
  #now: number
  #timers: { readonly at: number; readonly run: () => void }[] = []

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  /** Moves on and fires what has come due, the earliest first. Timers set meanwhile wait for the next call. */
  advance(ms: number): void {
    this.#now += ms
    const due = this.#timers.filter(({ at }) => at <= this.#now)
    if (due.length === 0) return
    this.#timers = this.#timers.filter(({ at }) => at > this.#now)
    for (const { run } of due.sort((a, b) => a.at - b.at)) run()
  }
}
