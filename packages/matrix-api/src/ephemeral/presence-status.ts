import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { ownUserIdOf, userIdOf } from '../rooms/call-params.ts'
import { presenceContent } from '../sync/presence-section.ts'
import type { EphemeralDeps } from './deps.ts'

const PATH = '/_matrix/client/v3/presence/{userId}/status'
const MAX_STATUS = 1_024

const schema = z.object({
  presence: z.enum(['online', 'offline', 'unavailable']),
  status_msg: z.string().max(MAX_STATUS).nullish(),
})

/** `GET /presence/{userId}/status`: one's own, and of those with whom one shares a room; 403 for others. */
export function getPresence(deps: EphemeralDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: PATH,
    auth: 'token',
    async handle(call) {
      const userId = userIdOf(call)
      const own = call.requester.userId
      if (userId !== own && !(await deps.reader.sharesRoomWith(own)).has(userId)) {
        throw new MatrixError(403, 'M_FORBIDDEN', 'You share no room with that user')
      }
      const presence = await deps.ephemeral.presence(userId)
      if (!presence) throw new MatrixError(404, 'M_NOT_FOUND', 'The presence of that user is not known')
      return presenceContent(presence, deps.clock.now())
    },
  })
}

/** `PUT /presence/{userId}/status`: one's own. */
export function setPresence(deps: EphemeralDeps) {
  return endpoint<'token'>({
    method: 'PUT',
    path: PATH,
    auth: 'token',
    async handle(call) {
      ownUserIdOf(call)
      const { presence, status_msg: statusMsg } = checkInput(schema, call.body)
      await deps.presence.set(call.requester, presence, statusMsg ?? undefined)
      return {}
    },
  })
}
