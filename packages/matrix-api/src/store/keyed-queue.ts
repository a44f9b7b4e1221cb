/**
 * Runs at most one task per key at a time, in the order of the calls: what reads a row and then writes it back runs in
 * here. A key is forgotten once nothing waits for it. A failed task does not stop those behind it.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(task, task)
    this.#tails.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
  }
}
