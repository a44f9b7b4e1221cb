/** Counts what each peer has open, up to a cap. An entry lives only while its count is above zero. */
export class PerPeerCount {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  /** Takes a place, or says that there is none. Whoever got one gives it back by `leave`, once. */
  enter(peer: string): boolean {
    const count = this.#counts.get(peer) ?? 0
    if (count >= this.#max) return false
    this.#counts.set(peer, count + 1)
    return true
  }

  leave(peer: string): void {
    const count = this.#counts.get(peer) ?? 0
    if (count <= 1) this.#counts.delete(peer)
    else this.#counts.set(peer, count - 1)
  }
}
