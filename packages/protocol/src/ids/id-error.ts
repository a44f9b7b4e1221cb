/** What was expected where a string is not a valid identifier. */
export type IdKind = 'user id' | 'room id' | 'event id' | 'server name' | 'room alias' | 'key id' | 'base64'

/** Thrown by the `assert…` variants of the id parsers. The parsers themselves answer `undefined`. */
export class IdError extends Error {
  override readonly name = 'IdError'
  readonly code = 'invalid_id'
  readonly kind: IdKind
  /** The offending text, cut to 255 characters so that a log line stays bounded. */
  readonly text: string

  constructor(kind: IdKind, text: unknown) {
    const shown = String(text).slice(0, 255)
    super(`not a valid ${kind}: ${JSON.stringify(shown)}`)
    this.kind = kind
    this.text = shown
  }
}
