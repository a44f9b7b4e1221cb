import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { makeTemplate, residentVersion } from './make-template.ts'
import { ownUserOf, roomIdOf } from './read-request.ts'

/** Server-server API, "Leaving Rooms (Rejecting Invites)". */
export function makeLeave(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/make_leave/{roomId}/{userId}',
    async answer({ origin, params }) {
      const roomId = roomIdOf(params)
      const userId = ownUserOf(params, origin)
      const version = await residentVersion(parts, roomId)
      await parts.gate.requireAllowed(origin, roomId)
      return makeTemplate(parts, roomId, userId, 'leave', version)
    },
  }
}
