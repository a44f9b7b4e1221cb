/** Runs at most one task per key at a time, in the order of calling. A key without tasks takes no memory. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #counts = new Map<string, number>()

  /** Tasks of the key that are under way or wait. */
  count(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(task, task)
    this.#counts.set(key, this.count(key) + 1)
    const release = () => {
      const left = this.count(key) - 1
      if (left > 0) this.#counts.set(key, left)
      else this.#counts.delete(key)
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
    this.#tails.set(key, mine)
    mine.then(release, release)
    return mine
  }
}
