/** First wait after a failure, doubled with each one up to the last. In milliseconds. */
const FIRST_MS = 1_000
const LAST_MS = 5 * 60_000

/** Tries again later what could not be done now: one timer, at growing distances until `succeeded`. Does not keep the process up. */
export class RetryTimer {
  readonly #retry: () => void
  readonly #firstMs: number
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(retry: () => void, firstMs = FIRST_MS) {
    this.#retry = retry
    this.#firstMs = firstMs
  }

  failed(): void {
    if (this.#stopped || this.#timer) return
    const delay = Math.min(LAST_MS, this.#firstMs * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#retry()
    }, delay)
    this.#timer.unref()
  }

  succeeded(): void {
    this.#failures = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
