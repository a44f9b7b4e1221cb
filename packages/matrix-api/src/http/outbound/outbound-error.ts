export type OutboundErrorCode =
  /** Not an http(s) address, or one with a user name in it. */
  | 'bad-url'
  /** It lies on this machine or one of its networks. */
  | 'forbidden-address'
  | 'unresolvable'
  | 'too-many-redirects'
  | 'too-large'
  | 'bad-encoding'
  | 'timeout'
  /** Refused, reset, TLS failure: `cause` says. */
  | 'unreachable'

/** Why a request to the public Internet was not made, or came to nothing. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly code: OutboundErrorCode

  constructor(code: OutboundErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
