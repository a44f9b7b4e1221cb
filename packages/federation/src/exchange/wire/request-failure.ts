import { RequestError } from '../../net/requests/request-error.ts'

/** What came of asking a server: its answer, or a `RequestError`. Other errors are our own and go on being thrown. */
export type Asked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: RequestError }

export async function ask<T>(request: Promise<T>): Promise<Asked<T>> {
  try {
    return { ok: true, value: await request }
  } catch (error) {
    if (error instanceof RequestError) return { ok: false, error }
    // The signal fired: time is up, or whoever waited has gone. Loops over servers look at the signal themselves.
    if (isAbort(error)) return { ok: false, error: new RequestError('timeout', 'given up', { cause: error }) }
    throw error
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

/** True where nothing is known of what the server would say: it was not reached, or did not answer in time. */
export function wasNotReached(error: RequestError): boolean {
  return error.code === 'unreachable' || error.code === 'timeout' || isTemporary(error)
}

/** A refusal that may be otherwise later: overload, rate limit, a fault of the server's own. */
function isTemporary(error: RequestError): boolean {
  return error.code === 'refused' && error.status !== undefined && (error.status === 429 || error.status >= 500)
}
