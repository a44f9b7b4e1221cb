import type { RoomErrorCode } from '../ports.ts'

/** What `Rooms` throws, as federation makes it: recognised by its name. For fakes of the ports. */
export class RoomErrorLike extends Error {
  override readonly name = 'RoomError'
  readonly code: RoomErrorCode

  constructor(code: RoomErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
