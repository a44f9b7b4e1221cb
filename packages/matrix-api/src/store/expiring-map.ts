import type { Clock } from '@starling/protocol'

/** Values that live for a while, in memory. When full, the oldest goes first. Keys are random, so insertion order is age. */
export class ExpiringMap<Value> {
  readonly #clock: Clock
  readonly #lifeMs: number
  readonly #limit: number
  readonly #entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>()

  constructor(clock: Clock, options: { readonly lifeMs: number; readonly limit: number }) {
    this.#clock = clock
    this.#lifeMs = options.lifeMs
    this.#limit = options.limit
  }

  set(key: string, value: Value, lifeMs = this.#lifeMs): void {
    this.#entries.set(key, { value, expiresAt: this.#clock.now() + lifeMs })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit) return
      this.#entries.delete(oldest)
    }
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry && entry.expiresAt > this.#clock.now()) return entry.value
    if (entry) this.#entries.delete(key)
    return undefined
  }

  /** Gets and removes: for what may be used once. */
  take(key: string): Value | undefined {
    const value = this.get(key)
    this.#entries.delete(key)
    return value
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  get size(): number {
    return this.#entries.size
  }
}
