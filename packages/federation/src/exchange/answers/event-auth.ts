import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { eventIdOf, notFound, roomIdOf } from './read-request.ts'
import { load, packState } from './state-answer.ts'

/** Server-server API, "Retrieving event authorisation information". */
export function eventAuth(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/event_auth/{roomId}/{eventId}',
    async answer({ origin, params }) {
      const roomId = roomIdOf(params)
      const eventId = eventIdOf(params)
      await parts.gate.requireMemberAt(origin, roomId, [eventId])
      const [pdu] = await load(parts, [eventId])
      // bad input 24: an event asked for through another room is not there.
      if (pdu?.roomId !== roomId) return notFound('There is no such event in the room.')
      const { authChain } = await packState(parts, [], [eventId])
      return { auth_chain: authChain }
    },
  }
}
