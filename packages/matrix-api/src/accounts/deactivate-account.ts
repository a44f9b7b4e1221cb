import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { AccountDeps } from './deps.ts'

const request = z.object({ erase: z.boolean().optional() })

/**
 * `POST /account/deactivate` (Client-Server API, "Account deactivation"), with UIA. The owner's account is the node itself and
 * ends with its data directory, not by a request.
 */
export function deactivateAccount(deps: AccountDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/account/deactivate',
    auth: 'token',
    async handle(call) {
      const { userId } = call.requester
      const { erase = false } = checkInput(request, call.body)
      if (await deps.accounts.isOwner(userId)) {
        throw new MatrixError(403, 'M_FORBIDDEN', "The owner's account ends with the node's data directory only")
      }
      await deps.interactiveAuth.authorize(call, 'deactivate the account')
      await deps.accounts.deactivate(userId)
      await deps.devices.remove(userId, await deps.devices.list(userId))
      await deps.farewell(userId, { erase })
      deps.logger.info({ userId }, 'account deactivated')
      return { id_server_unbind_result: 'success' }
    },
  })
}
