/** A Matrix error answer (Client-Server API, "Standard error response"). Lives only at the HTTP edge. */
export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly status: number
  readonly errcode: string
  /** Further keys of the body, such as `retry_after_ms` or a UIA session. */
  readonly extra: Readonly<Record<string, unknown>>

  constructor(status: number, errcode: string, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.errcode = errcode
    this.extra = extra
  }

  toBody(): Record<string, unknown> {
    return { errcode: this.errcode, error: this.message, ...this.extra }
  }
}
