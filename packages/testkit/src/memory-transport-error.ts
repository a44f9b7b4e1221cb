export type MemoryTransportErrorCode =
  | 'unreachable'
  | 'unsupported-protocol'
  | 'too-large'
  | 'too-many'
  | 'timeout'
  | 'reset'
  | 'closed'

/** What a request, a dial or a stream of the memory transport fails with. */
export class MemoryTransportError extends Error {
  override readonly name = 'MemoryTransportError'
  readonly code: MemoryTransportErrorCode

  constructor(code: MemoryTransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
