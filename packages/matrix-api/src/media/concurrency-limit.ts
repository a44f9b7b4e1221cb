import { MediaError } from './media-error.ts'

/** At most `running` tasks at once and `waiting` in line; a task beyond that is refused with `MediaError` `busy`. */
export class ConcurrencyLimit {
  readonly #running: number
  readonly #waiting: number
  #active = 0
  readonly #line: (() => void)[] = []

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#running = limits.running
    this.#waiting = limits.waiting
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#active < this.#running) this.#active += 1
    else if (this.#line.length < this.#waiting) await new Promise<void>((resolve) => this.#line.push(resolve))
    else throw new MediaError('busy', 'Too much to do at once: try again')
    try {
      return await task()
    } finally {
      // The place is handed on as it is, or given back.
      const next = this.#line.shift()
      if (next) next()
      else this.#active -= 1
    }
  }
}
