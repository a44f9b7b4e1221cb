/** Why a JSON text or value is refused. Stable: clients' error codes and metrics are derived from them. */
export type JsonErrorCode =
  /** Not JSON at all. */
  | 'syntax'
  /** Bytes that are not UTF-8. */
  | 'bad_utf8'
  | 'too_large'
  | 'too_deep'
  | 'duplicate_key'
  /** A fraction, an exponent, `-0`, an integer beyond ±(2^53−1), or not finite. */
  | 'bad_number'
  | 'lone_surrogate'
  /** A value made in-process that JSON has no form for: undefined, a function, a class instance, a cycle. */
  | 'not_json'

/** Thrown by the JSON parser, validator and canonical encoder. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
  readonly code: JsonErrorCode
  /** UTF-16 offset into the text where the fault was seen; undefined where none is known. */
  readonly offset: number | undefined

  constructor(code: JsonErrorCode, message: string, options?: { readonly offset?: number; readonly cause?: unknown }) {
    super(options?.offset === undefined ? message : `${message} at offset ${options.offset}`, { cause: options?.cause })
    this.code = code
    this.offset = options?.offset
  }
}
