import { endpoint } from '../http/endpoint.ts'
import type { AccountDeps } from './deps.ts'
import { isOnThisDevice } from './on-this-device.ts'
import { IDENTITY_PROVIDER } from './sso/sso-redirect.ts'

/** `GET /login` (Client-Server API, "Legacy login"). What nobody could use is not offered: the page with one button
 * away from this device, passwords while no account has one. */
export function getLoginFlows(deps: AccountDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    async handle(call) {
      const here = isOnThisDevice(call.request)
      const sso = { type: 'm.login.sso', identity_providers: [IDENTITY_PROVIDER] }
      return {
        flows: [
          ...(here ? [sso] : []),
          { type: 'm.login.token', get_login_token: true },
          ...((await deps.accounts.anyPassword()) ? [{ type: 'm.login.password' }] : []),
        ],
      }
    },
  })
}
