interface Entry<V> {
  readonly value: V
  readonly weight: number
  /** Got since it was set or last spared. */
  used: boolean
}

/**
 * A map bounded by weight. Dropped first is what was set longest ago and not got since ("second chance": close to least
 * recently used). Getting only marks the entry: moving it to the end of a `Map` each time is dearer than what most callers save,
 * since the table is rebuilt again and again.
 */
export class LruMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>()
  readonly #maxWeight: number
  #weight = 0
  /**
   * Stands before the oldest entry, over all walks: one that begins anew would pass over the places of all entries that were
   * dropped since the table was last rebuilt, which is thousands in a large map.
   */
  #hand: MapIterator<[K, Entry<V>]> | undefined

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight
  }

  get size(): number {
    return this.#entries.size
  }

  /** Of all entries together. */
  get weight(): number {
    return this.#weight
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    entry.used = true
    return entry.value
  }

  /** An entry heavier than the whole map is kept alone: the one in use must be findable. */
  set(key: K, value: V, weight = 1): void {
    this.delete(key)
    this.#entries.set(key, { value, weight, used: false })
    this.#weight += weight
    // Spared entries come again at the end of this very walk, now unmarked, so it ends.
    while (this.#weight > this.#maxWeight && this.#entries.size > 1) {
      this.#hand ??= this.#entries.entries()
      const { done, value: next } = this.#hand.next()
      if (done) {
        this.#hand = undefined
        continue
      }
      const [oldest, entry] = next
      this.#entries.delete(oldest)
      if (entry.used || oldest === key) this.#entries.set(oldest, { ...entry, used: false })
      else this.#weight -= entry.weight
    }
  }

  delete(key: K): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#weight -= entry.weight
  }

  clear(): void {
    this.#entries.clear()
    this.#weight = 0
  }
}
