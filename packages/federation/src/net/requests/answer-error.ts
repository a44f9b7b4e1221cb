/** A refusal that a row of the table of answers gives to the asking server. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError'
  /** HTTP status code as in the server-server API. */
  readonly status: number
  readonly errcode: string
  /** Further keys of the error object (`room_version`, `retry_after_ms`, …). */
  readonly fields: Readonly<Record<string, string | number>>

  constructor(
    status: number,
    errcode: string,
    message: string,
    options: ErrorOptions & { readonly fields?: Readonly<Record<string, string | number>> } = {},
  ) {
    super(message, options)
    this.status = status
    this.errcode = errcode
    this.fields = options.fields ?? {}
  }

  get code(): string {
    return this.errcode
  }
}
