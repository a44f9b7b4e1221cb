import type { ListenAddress } from '../config/parsers.ts'

/** An address could not be listened on. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: string

  constructor(address: ListenAddress, cause: Error) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    const where = `${address.host}:${address.port}`
    const advice =
      code === 'EADDRINUSE'
        ? 'another program (perhaps another node) listens there: stop it, or choose another port; port 0 takes any free one'
        : cause.message
    super(`cannot listen on ${where}: ${advice}`, { cause })
    this.code = code
  }
}
