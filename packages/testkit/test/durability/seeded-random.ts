import { testRandomBytes } from '@starling/testkit'

/** Numbers that are the same for the same seed. */
export class SeededRandom {
  readonly #bytes: ReturnType<typeof testRandomBytes>

  constructor(seed: number) {
    this.#bytes = testRandomBytes(seed)
  }

  /** An integer from 0 up to, not including, `bound`. */
  below(bound: number): number {
    const unit = Buffer.from(this.#bytes(4)).readUInt32BE() / 2 ** 32
    return Math.floor(unit * bound)
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)]
  }
}
