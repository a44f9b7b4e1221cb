/** Why something between this node and a peer failed. */
export type TransportErrorCode =
  /** No address, no answer, or the address policy forbids every address there is. */
  | 'unreachable'
  | 'timeout'
  /** The caller's own signal fired. */
  | 'aborted'
  /** The peer does not speak the protocol. */
  | 'unsupported'
  /** More bytes than the limit allows, announced or sent. */
  | 'too-large'
  /** The stream ended or was reset before the message was whole. */
  | 'reset'
  /** Not a PeerId and not a multiaddress with one. */
  | 'bad-address'
  /** The host is not started, or stopped meanwhile. */
  | 'stopped'

export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly code: TransportErrorCode

  constructor(code: TransportErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** libp2p's error names (and Node's for aborted signals) → ours. What is not listed is `fallback`. */
const CODES: Readonly<Record<string, TransportErrorCode>> = {
  TimeoutError: 'timeout',
  AbortError: 'aborted',
  UnsupportedProtocolError: 'unsupported',
  NoValidAddressesError: 'unreachable',
  DialDeniedError: 'unreachable',
  DialError: 'unreachable',
  AggregateError: 'unreachable',
  InvalidDataLengthError: 'too-large',
  InvalidDataLengthLengthError: 'too-large',
  InvalidMessageLengthError: 'too-large',
  StreamBufferError: 'too-large',
  UnexpectedEOFError: 'reset',
  StreamResetError: 'reset',
  StreamClosedError: 'reset',
  StreamStateError: 'reset',
  MuxerClosedError: 'reset',
  ConnectionClosedError: 'reset',
  NotStartedError: 'stopped',
}

/** Any failure of libp2p as a `TransportError` with the same cause; a `TransportError` stays what it is. */
export function asTransportError(
  error: unknown,
  what: string,
  fallback: TransportErrorCode,
  signal?: AbortSignal,
): TransportError {
  if (error instanceof TransportError) return error
  const name = error instanceof Error ? error.name : ''
  const code = signal?.aborted ? codeOfSignal(signal) : (CODES[name] ?? fallback)
  return new TransportError(code, `${what}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  })
}

function codeOfSignal(signal: AbortSignal): TransportErrorCode {
  return signal.reason instanceof Error && signal.reason.name === 'TimeoutError' ? 'timeout' : 'aborted'
}
