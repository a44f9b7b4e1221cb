import { endpoint } from '../http/endpoint.ts'
import type { AccountDeps } from './deps.ts'

/** `GET /account/whoami` (Client-Server API, "Current account information"). */
export function whoami(_deps: AccountDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/account/whoami',
    auth: 'token',
    async handle(call) {
      return { user_id: call.requester.userId, device_id: call.requester.deviceId, is_guest: false }
    },
  })
}
