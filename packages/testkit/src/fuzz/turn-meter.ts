/**
 * The longest turn of the event loop in milliseconds of this thread's own CPU time, so that a busy machine does not count.
 * Measured from one `setImmediate` to the next: promises and callbacks between them are one turn's work.
 */
export class TurnMeter {
  readonly #limitMs: number
  readonly #exceeded: (ms: number) => void
  #longestMs = 0
  #stopped = false

  constructor(limitMs: number, exceeded: (ms: number) => void) {
    this.#limitMs = limitMs
    this.#exceeded = exceeded
  }

  get longestMs(): number {
    return this.#longestMs
  }

  start(): void {
    let last = process.threadCpuUsage()
    const tick = () => {
      const now = process.threadCpuUsage()
      const ms = (now.user + now.system - last.user - last.system) / 1000
      last = now
      this.#longestMs = Math.max(this.#longestMs, ms)
      if (ms > this.#limitMs) this.#exceeded(ms)
      if (!this.#stopped) setImmediate(tick)
    }
    setImmediate(tick)
  }

  stop(): void {
    this.#stopped = true
  }
}
