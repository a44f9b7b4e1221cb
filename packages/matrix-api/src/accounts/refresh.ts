import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
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
      const issued = await deps.sessions.refresh(checkInput(request, call.body).refresh_token)
      if (!issued) throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'Unknown refresh token', { soft_logout: false })
      return {
        access_token: issued.accessToken,
        refresh_token: issued.refreshToken,
        expires_in_ms: issued.expiresInMs,
      }
    },
  })
}
