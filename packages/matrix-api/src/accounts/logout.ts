import { endpoint } from '../http/endpoint.ts'
import type { AccountDeps } from './deps.ts'

/** `POST /logout`: the session ends and its device goes with it (Client-Server API, "Session management"). */
export function logout(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/logout',
    auth: 'token',
    async handle(call) {
      const { userId, deviceId } = call.requester
      await deps.devices.remove(userId, [deviceId])
      return {}
    },
  })
}

/** `POST /logout/all`: every session and device of the user. */
export function logoutAll(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/logout/all',
    auth: 'token',
    async handle(call) {
      const { userId } = call.requester
      await deps.devices.remove(userId, await deps.devices.list(userId))
      return {}
    },
  })
}
