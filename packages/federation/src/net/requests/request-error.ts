export type RequestErrorCode =
  /** No connected, dialable or relaying peer of the destination. */
  | 'unreachable'
  /** A peer was asked and did not answer in time. */
  | 'timeout'
  /** The destination answered with an error: `status` and `errcode` say which. */
  | 'refused'
  /** The answer was not what the protocol says, or not signed by the destination. */
  | 'malformed'

/** Why a request to another server brought no answer. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode
  /** The destination's, with `refused`: an HTTP status code as in the server-server API. */
  readonly status: number | undefined
  /** The destination's, with `refused`: `M_…`. */
  readonly errcode: string | undefined

  constructor(
    code: RequestErrorCode,
    message: string,
    options: ErrorOptions & { readonly status?: number; readonly errcode?: string } = {},
  ) {
    super(message, options)
    this.code = code
    this.status = options.status
    this.errcode = options.errcode
  }
}
