import type { RoomErrorCode } from '../ports.ts'
import { MatrixError } from './matrix-error.ts'

/** What a client sees of a `RoomError`. */
const ANSWERS: Readonly<Record<RoomErrorCode, readonly [status: number, errcode: string]>> = {
  'unknown-room': [404, 'M_NOT_FOUND'],
  'unknown-event': [404, 'M_NOT_FOUND'],
  forbidden: [403, 'M_FORBIDDEN'],
  'unsupported-room-version': [400, 'M_UNSUPPORTED_ROOM_VERSION'],
  'incompatible-room-version': [400, 'M_INCOMPATIBLE_ROOM_VERSION'],
  'too-large': [413, 'M_TOO_LARGE'],
  'bad-content': [400, 'M_BAD_JSON'],
  unreachable: [502, 'M_UNKNOWN'],
  busy: [503, 'M_UNKNOWN'],
}

/** The Matrix error for a `RoomError` (recognised by name: it comes from another package); undefined for anything else. */
export function fromRoomError(error: unknown): MatrixError | undefined {
  if (!(error instanceof Error) || error.name !== 'RoomError' || !('code' in error)) return undefined
  const answer = ANSWERS[error.code as RoomErrorCode]
  return answer && new MatrixError(answer[0], answer[1], error.message)
}
