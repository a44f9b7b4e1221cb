import type { AbortOptions } from '@starling/protocol'
import type { Affected, PendingPosition, Position, StreamPositions } from '../../ports.ts'

/** Passes everything on, and knows how many long-polls hang on it. */
export class CountedPositions implements StreamPositions {
  readonly #inner: StreamPositions
  waiting = 0

  constructor(inner: StreamPositions) {
    this.#inner = inner
  }

  current(): Position {
    return this.#inner.current()
  }

  allocate(): PendingPosition {
    return this.#inner.allocate()
  }

  async wait(
    since: Position,
    interest: (affected: Affected) => boolean,
    options: AbortOptions & { readonly timeoutMs: number },
  ): Promise<boolean> {
    this.waiting += 1
    try {
      return await this.#inner.wait(since, interest, options)
    } finally {
      this.waiting -= 1
    }
  }
}
