import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { makeTemplate, requireSupported, residentVersion } from './make-template.ts'
import { ownUserOf, roomIdOf } from './read-request.ts'

/** Server-server API, "Knocking upon a room". */
export function makeKnock(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/make_knock/{roomId}/{userId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      const userId = ownUserOf(params, origin)
      const version = await residentVersion(parts, roomId)
      await parts.gate.requireAllowed(origin, roomId)
      requireSupported(version, query)
      return makeTemplate(parts, roomId, userId, 'knock', version)
    },
  }
}
