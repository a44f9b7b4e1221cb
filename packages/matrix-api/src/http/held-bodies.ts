import { MatrixError } from './matrix-error.ts'

/** Bodies up to this size, in bytes, are always read: messages get through whatever else is being sent. */
const SMALL_BYTES = 64 * 1024

/** Of all larger bodies that are being read at once. A key backup of 8 MiB fits some dozen times. */
const MAX_HELD_BYTES = 128 * 1024 * 1024

/** What the bodies that are under way hold in memory together: as many clients may send as there are connections. */
export class HeldBodies {
  readonly #maxBytes: number
  #held = 0

  constructor(maxBytes: number = MAX_HELD_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** `more` bytes of a body have come, which has `size` bytes now. Throws 429 `M_LIMIT_EXCEEDED` where that is too much. */
  take(more: number, size: number): void {
    if (size > SMALL_BYTES && this.#held + more > this.#maxBytes) {
      throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too much is being sent at once', { retry_after_ms: 5_000 })
    }
    this.#held += more
  }

  giveBack(bytes: number): void {
    this.#held -= bytes
  }
}
