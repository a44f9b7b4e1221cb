import type { Affected, PendingPosition, Position, StreamPositions } from '../ports.ts'

/** `StreamPositions` in memory: positions become visible in order, waiters are woken by what concerns them. */
export class TestPositions implements StreamPositions {
  #allocated = 0
  readonly #open = new Set<Position>()
  readonly #settled: { readonly position: Position; readonly affected: Affected }[] = []
  readonly #waiters = new Set<() => void>()

  current(): Position {
    return this.#open.size === 0 ? this.#allocated : Math.min(...this.#open) - 1
  }

  allocate(): PendingPosition {
    this.#allocated += 1
    const position = this.#allocated
    this.#open.add(position)
    return {
      position,
      done: (affected) => {
        this.#settled.push({ position, affected })
        this.#close(position)
      },
      abandon: () => this.#close(position),
    }
  }

  async wait(
    since: Position,
    interest: (affected: Affected) => boolean,
    options: { readonly signal?: AbortSignal; readonly timeoutMs: number },
  ): Promise<boolean> {
    const concerned = () =>
      this.#settled.some(
        ({ position, affected }) => position > since && position <= this.current() && interest(affected),
      )
    if (concerned()) return true
    return new Promise((resolve) => {
      const finish = (result: boolean) => {
        this.#waiters.delete(check)
        clearTimeout(timer)
        options.signal?.removeEventListener('abort', abort)
        resolve(result)
      }
      const check = () => {
        if (concerned()) finish(true)
      }
      const abort = () => finish(false)
      const timer = setTimeout(() => finish(false), options.timeoutMs)
      options.signal?.addEventListener('abort', abort)
      this.#waiters.add(check)
    })
  }

  /** How many calls of `wait` are pending: for tests that long-polls are freed. */
  get waiting(): number {
    return this.#waiters.size
  }

  #close(position: Position): void {
    this.#open.delete(position)
    for (const check of [...this.#waiters]) check()
  }
}
