export type CliErrorCode = 'usage' | 'not-running' | 'no-answer' | 'refused'

/** A subcommand could not do what was asked; the message is for the person at the terminal. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
