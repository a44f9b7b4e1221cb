import type { Timers } from '../ports.ts'

/** Time between two looks at the clock, and how much more than that has to have passed for a sleep. Milliseconds. */
const LOOK_MS = 15_000
const SLEPT_MS = 20_000

/**
 * Notices that the machine has slept (bad input 76): timers stand still meanwhile, the clock does not. Without it, who wakes
 * waits for what is left of the heartbeat, and for connections that it does not know to be dead.
 */
export class SleepWatch {
  readonly #timers: Timers
  readonly #clock: { now(): number }
  readonly #woke: (sleptMs: number) => void
  #cancel: (() => void) | undefined

  constructor(timers: Timers, clock: { now(): number }, woke: (sleptMs: number) => void) {
    this.#timers = timers
    this.#clock = clock
    this.#woke = woke
  }

  start(): void {
    const before = this.#clock.now()
    this.#cancel = this.#timers.after(LOOK_MS, () => {
      this.start()
      const slept = this.#clock.now() - before - LOOK_MS
      if (slept > SLEPT_MS) this.#woke(slept)
    })
  }

  stop(): void {
    this.#cancel?.()
  }
}
