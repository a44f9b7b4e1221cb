/** Why a room did not do what a local user asked; matrix-api turns the codes into Matrix errors (its `ports.ts`). */
export type RoomErrorCode =
  | 'unknown-room'
  | 'unknown-event'
  | 'forbidden'
  | 'unsupported-room-version'
  | 'incompatible-room-version'
  | 'too-large'
  | 'bad-content'
  | 'unreachable'
  | 'busy'

/** `message` is fit for a person. */
export class RoomError extends Error {
  override readonly name = 'RoomError'
  readonly code: RoomErrorCode

  constructor(code: RoomErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
