/**
 * A map as it will be once the client has proven that it got the answer: what changed lies over the map that is true until
 * then, so that an answer costs by what it changes and one that got lost leaves no trace.
 */
export class PendingMap<Key, Value> {
  readonly #base: Map<Key, Value>
  readonly #changed = new Map<Key, Value>()

  constructor(base: Map<Key, Value>) {
    this.#base = base
  }

  get(key: Key): Value | undefined {
    return (this.#changed.size === 0 ? undefined : this.#changed.get(key)) ?? this.#base.get(key)
  }

  has(key: Key): boolean {
    return this.#changed.has(key) || this.#base.has(key)
  }

  /** Keys that there are at most: one that was changed may be counted twice. */
  get sizeAtMost(): number {
    return this.#base.size + this.#changed.size
  }

  set(key: Key, value: Value): void {
    this.#changed.set(key, value)
  }

  /** Each key once, with its newest value. */
  *entries(): Generator<readonly [Key, Value]> {
    yield* this.#changed
    for (const entry of this.#base) if (!this.#changed.has(entry[0])) yield entry
  }

  /** Makes the changes true. Beyond `limit` entries those that changed longest ago are dropped first. */
  commit(limit: number): void {
    for (const [key, value] of this.#changed) {
      this.#base.delete(key)
      this.#base.set(key, value)
    }
    for (const key of this.#base.keys()) {
      if (this.#base.size <= limit) break
      this.#base.delete(key)
    }
  }
}
