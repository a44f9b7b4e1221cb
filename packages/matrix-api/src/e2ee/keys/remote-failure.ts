import type { AbortOptions } from '@starling/protocol'

/** An entry of `failures` in the answers of `/keys/query` and `/keys/claim`. */
export interface RemoteFailure {
  readonly [key: string]: string | number
  readonly status: number
  readonly errcode: string
  readonly error: string
}

export type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }

/** The outcome of a request to another server, an error of its own where it takes longer than `timeoutMs` or the client has gone. */
export async function settleWithin<T>(
  promise: Promise<T>,
  options: AbortOptions & { readonly timeoutMs: number },
): Promise<Settled<T>> {
  const { promise: ended, resolve: end } = Promise.withResolvers<Settled<T>>()
  const giveUp = () => end({ ok: false, error: new RemoteTimeoutError() })
  const timer = setTimeout(giveUp, options.timeoutMs)
  options.signal?.addEventListener('abort', giveUp, { once: true })
  promise.then(
    (value) => end({ ok: true, value }),
    (error: unknown) => end({ ok: false, error }),
  )
  try {
    return await ended
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', giveUp)
  }
}

/** Another server did not answer within the time that the client gave. */
export class RemoteTimeoutError extends Error {
  override readonly name = 'RemoteTimeoutError'
  readonly code = 'timeout'

  constructor() {
    super('no answer in time')
  }
}

/** Codes of `RoomError` with which a server that was reached says no: nothing failed, it just has nothing. */
const REFUSALS: ReadonlySet<unknown> = new Set(['unknown-room', 'unknown-event', 'forbidden', 'bad-content'])

/** The entry for an error; `undefined` where the server was reached and the user is simply unknown there. */
export function remoteFailure(error: unknown): RemoteFailure | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (REFUSALS.has(code)) return undefined
  return { status: 503, errcode: 'M_UNKNOWN', error: 'The server could not be reached' }
}
