import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { userLocked } from '../session/user-locked.ts'
import type { AccountDeps } from './deps.ts'

const request = z.object({ refresh_token: z.string() })

/** `POST /refresh` (Client-Server API, "Refreshing access tokens"). */
export function refresh(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/refresh',
    aliases: ['/_matrix/client/v1/refresh'],
    auth: 'none',
    rate: 'refresh',
    async handle(call) {
      const { refresh_token: token } = checkInput(request, call.body)
      const session = await deps.sessions.sessionOf(token)
      if (session && (await deps.accounts.standing(session.userId)).locked) throw userLocked()
      if (session?.idle) {
        throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The session was not used for too long', { soft_logout: true })
      }
      const issued = await deps.sessions.refresh(token)
      if (!issued) throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'Unknown refresh token', { soft_logout: false })
      return {
        access_token: issued.accessToken,
        refresh_token: issued.refreshToken,
        expires_in_ms: issued.expiresInMs,
      }
    },
  })
}
