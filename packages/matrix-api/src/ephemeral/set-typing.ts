import { z } from 'zod'
import { checkInput } from '../http/check-input.ts'
import { endpoint } from '../http/endpoint.ts'
import { requireJoined } from '../rooms/access.ts'
import { ownUserIdOf, roomIdOf } from '../rooms/call-params.ts'
import type { EphemeralDeps } from './deps.ts'

/** How long a client may say that somebody types, and how long it is where it does not say, in ms. */
const MAX_TIMEOUT_MS = 120_000
const DEFAULT_TIMEOUT_MS = 30_000

const schema = z.object({ typing: z.boolean(), timeout: z.number().int().min(0).optional() })

/** `PUT /rooms/{roomId}/typing/{userId}`: of oneself, in a room one is in. */
export function setTyping(deps: EphemeralDeps) {
  return endpoint<'token'>({
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/{roomId}/typing/{userId}',
    auth: 'token',
    async handle(call) {
      const userId = ownUserIdOf(call)
      const roomId = roomIdOf(call)
      const { typing, timeout = DEFAULT_TIMEOUT_MS } = checkInput(schema, call.body)
      await requireJoined(deps.reader, roomId, userId)
      await deps.ephemeral.setTyping(roomId, userId, typing ? Math.min(timeout, MAX_TIMEOUT_MS) : undefined)
      return {}
    },
  })
}
