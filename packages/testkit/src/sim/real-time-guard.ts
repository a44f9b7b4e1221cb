/**
 * While a schedule runs, nothing may ask what time it really is, nor for chance that is not the seed's. Whoever does makes the run
 * fail by name; time limits that are signals, and turns of the event loop, are served in virtual time.
 */

/** A part of the product took something from the outside world that a run cannot repeat. */
export class UnrepeatableError extends Error {
  override readonly name = 'UnrepeatableError'
  readonly code = 'unrepeatable'

  constructor(what: string) {
    super(`${what} was used in a simulation: a run could not be repeated`)
  }
}

interface Replaced {
  readonly owner: object
  readonly key: string
  readonly original: unknown
}

/** Puts the guard on; the answer takes it off. `used` hears of each break, also where the caller swallows the error. */
export function guardRealTime(
  after: (ms: number, run: () => void) => void,
  used: (error: UnrepeatableError) => void,
): () => void {
  const replaced: Replaced[] = []
  const replace = (owner: object, key: string, value: unknown) => {
    replaced.push({ owner, key, original: Reflect.get(owner, key) })
    Reflect.set(owner, key, value)
  }
  const forbid = (owner: object, key: string, name: string) =>
    replace(owner, key, () => {
      const error = new UnrepeatableError(name)
      used(error)
      throw error
    })
  forbid(Date, 'now', 'Date.now')
  forbid(Math, 'random', 'Math.random')
  forbid(performance, 'now', 'performance.now')
  forbid(crypto, 'getRandomValues', 'crypto.getRandomValues')
  for (const name of ['setTimeout', 'setInterval']) forbid(globalThis, name, name)
  // Who lets others have a turn gets the next one in virtual time.
  replace(globalThis, 'setImmediate', (run: (...args: unknown[]) => void, ...args: unknown[]) =>
    after(0, () => run(...args)),
  )
  replace(AbortSignal, 'timeout', (ms: number) => {
    const controller = new AbortController()
    after(ms, () => controller.abort(new DOMException('The operation timed out.', 'TimeoutError')))
    return controller.signal
  })
  return () => {
    for (const { owner, key, original } of replaced.reverse()) Reflect.set(owner, key, original)
  }
}
