import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { userIdOf } from '../rooms/call-params.ts'
import type { AccountDeps } from './deps.ts'

/** `GET /admin/whois/{userId}` (Client-Server API, "Server administration"): for oneself, and for the node's owner. */
export function whois(deps: AccountDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/admin/whois/{userId}',
    auth: 'token',
    async handle(call) {
      const { requester } = call
      const userId = userIdOf(call)
      if (userId !== requester.userId && !(await deps.accounts.isOwner(requester.userId))) {
        throw new MatrixError(403, 'M_FORBIDDEN', "Only the node's owner may look others up")
      }
      if (!(await deps.accounts.exists(userId))) throw new MatrixError(404, 'M_NOT_FOUND', 'No such account here')
      const devices = await Promise.all(
        (await deps.devices.list(userId)).map(async (deviceId) => {
          const seen = await deps.sessions.lastSeen.get(userId, deviceId)
          const connections = seen ? [{ ip: seen.ip, last_seen: seen.ts }] : []
          return [deviceId, { sessions: [{ connections }] }] as const
        }),
      )
      return { user_id: userId, devices: Object.fromEntries(devices) }
    },
  })
}
