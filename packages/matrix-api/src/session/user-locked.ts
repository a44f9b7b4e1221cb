import { MatrixError } from '../http/matrix-error.ts'

/** Client-Server API, "Account locking": tokens stay, and work again once the lock is lifted. */
export function userLocked(): MatrixError {
  return new MatrixError(401, 'M_USER_LOCKED', 'This account has been locked', { soft_logout: true })
}
