import { MatrixError } from '../http/matrix-error.ts'

/** 404 for a device that the user does not have, be it somebody else's. */
export function unknownDevice(): MatrixError {
  return new MatrixError(404, 'M_NOT_FOUND', 'You have no device with that id')
}
