import type { TestClock } from '@starling/testkit'
import type { Timers } from '../../src/net/ports.ts'

/** Timers that fire when the test moves the clock through `advance`. */
export class ManualTimers implements Timers {
  readonly #clock: TestClock
  readonly #due = new Set<{ readonly at: number; readonly run: () => void }>()

  constructor(clock: TestClock) {
    this.#clock = clock
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#clock.now() + ms, run }
    this.#due.add(timer)
    return () => this.#due.delete(timer)
  }

  /** Moves the clock on and fires what has come due, the earliest first. */
  advance(ms: number): void {
    const until = this.#clock.now() + ms
    for (;;) {
      const next = [...this.#due].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#due.delete(next)
      this.#clock.advance(Math.max(0, next.at - this.#clock.now()))
      next.run()
    }
    this.#clock.advance(until - this.#clock.now())
  }
}
