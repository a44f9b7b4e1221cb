/** Runs at most one task per key at a time, in the order of calling. A key without tasks takes no memory. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** True while a task of the key is under way or waits. */
  isBusy(key: string): boolean {
    return this.#tails.has(key)
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(task, task)
    const release = () => {
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
    this.#tails.set(key, mine)
    mine.then(release, release)
    return mine
  }
}
