export type ElementErrorCode =
  | 'network'
  | 'http-status'
  | 'too-large'
  | 'digest-mismatch'
  | 'bad-archive'
  | 'not-element'

/** Element Web could not be had; the message says what happened and what to do. */
export class ElementError extends Error {
  override readonly name = 'ElementError'
  readonly code: ElementErrorCode

  constructor(code: ElementErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
