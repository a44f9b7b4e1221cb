import { MediaError } from './media-error.ts'

export interface Pace {
  /** Longest wait for the next bytes. */
  readonly idleMs: number
  /** Bytes per second on average from the end of `graceMs` on; whoever is slower holds a connection and a file for nothing. */
  readonly minBytesPerSecond: number
  readonly graceMs: number
}

/** A phone at the edge of its network is faster; its 100 MB video may take all night. */
export const UPLOAD_PACE: Pace = { idleMs: 30_000, minBytesPerSecond: 2 * 1024, graceMs: 60_000 }

/** The same bytes; fails with `MediaError` `too-slow` where they stop coming or only drip (bad input 83). */
export async function* steadily(
  source: AsyncIterable<Uint8Array>,
  pace: Pace = UPLOAD_PACE,
  now: () => number = () => performance.now(),
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  const started = now()
  let bytes = 0
  try {
    while (true) {
      const next = await withinIdle(iterator.next(), pace.idleMs)
      if (next.done) return
      bytes += next.value.length
      const elapsed = now() - started
      if (elapsed > pace.graceMs && bytes < (elapsed / 1000) * pace.minBytesPerSecond) throw tooSlow()
      yield next.value
    }
  } finally {
    // Not awaited: a source that hangs would hang here as well.
    iterator.return?.()?.catch(() => undefined)
  }
}

async function withinIdle<T>(next: Promise<T>, idleMs: number): Promise<T> {
  const { promise: idle, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(tooSlow()), idleMs)
  return Promise.race([next, idle]).finally(() => clearTimeout(timer))
}

function tooSlow(): MediaError {
  return new MediaError('too-slow', 'The upload makes no progress')
}
