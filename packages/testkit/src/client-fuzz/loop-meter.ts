/** How often it looks, in milliseconds. */
const EVERY_MS = 20

/**
 * The longest turn of the event loop in milliseconds of this thread's own CPU time, so that a busy machine does not count. A timer
 * that should come every 20 ms comes late by the length of the turn that is under way, and by no more.
 */
export class LoopMeter {
  readonly #limitMs: number
  readonly #exceeded: (ms: number) => void
  #timer: NodeJS.Timeout | undefined
  #longestMs = 0

  constructor(limitMs: number, exceeded: (ms: number) => void) {
    this.#limitMs = limitMs
    this.#exceeded = exceeded
  }

  /** Since it was last asked. */
  takeLongestMs(): number {
    const longest = this.#longestMs
    this.#longestMs = 0
    return longest
  }

  start(): void {
    let last = process.threadCpuUsage()
    this.#timer = setInterval(() => {
      const now = process.threadCpuUsage()
      const ms = (now.user + now.system - last.user - last.system) / 1000
      last = now
      this.#longestMs = Math.max(this.#longestMs, ms)
      if (ms > this.#limitMs) this.#exceeded(ms)
    }, EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
