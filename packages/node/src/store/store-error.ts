export type StoreErrorCode = 'in-use' | 'corrupt' | 'unusable' | 'write-failed' | 'closed'

/** The database cannot be used; the message says which folder and what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
