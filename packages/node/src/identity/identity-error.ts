export type IdentityErrorCode = 'unreadable' | 'missing' | 'exists'

/** A key file is not as it must be; the message says which file and what to do. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly code: IdentityErrorCode

  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
