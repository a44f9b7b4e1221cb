import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import type { AccountDeps } from './deps.ts'

const request = z.object({ new_password: z.string(), logout_devices: z.boolean().optional() })

/**
 * `POST /account/password` (Client-Server API, "Password management"), with UIA. Also how the owner, who starts without one,
 * sets a password for logins from elsewhere. Needs a token: there is no other way to reset a password here (no email).
 */
export function changePassword(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/account/password',
    auth: 'token',
    async handle(call) {
      const { userId, deviceId } = call.requester
      const { new_password, logout_devices = true } = checkInput(request, call.body)
      await deps.interactiveAuth.authorize(call, 'change the password')
      await deps.accounts.setPassword(userId, new_password)
      if (logout_devices) {
        const others = (await deps.devices.list(userId)).filter((other) => other !== deviceId)
        await deps.devices.remove(userId, others)
      }
      return {}
    },
  })
}
