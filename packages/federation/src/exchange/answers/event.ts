import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import type { AnswerParts } from './answer-parts.ts'
import { giveEvents, transactionOf } from './give-events.ts'
import { eventIdOf } from './read-request.ts'
import { load } from './state-answer.ts'

/**
 * Server-server API, "Retrieving events". Only for servers in the event's room, whatever way they learnt the id; an event that
 * is not here is refused alike, so that nobody learns by its id whether this server is in its room.
 */
export function getEvent(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/event/{eventId}',
    async answer({ origin, params }) {
      const eventId = eventIdOf(params)
      const [pdu] = await load(parts, [eventId])
      if (!pdu) throw noSuchEvent()
      const { roomId } = pdu
      await parts.gate.requireMemberAt(origin, roomId, [eventId]).catch(alike)
      const given = await giveEvents(parts, roomId, [pdu], origin)
      // It may have been denied by the access control list meanwhile.
      await parts.gate.requireMemberAt(origin, roomId, [eventId]).catch(alike)
      return transactionOf(parts, given)
    },
  }
}

function alike(error: unknown): never {
  throw error instanceof AnswerError ? noSuchEvent() : error
}

function noSuchEvent(): AnswerError {
  return new AnswerError(403, 'M_FORBIDDEN', 'There is no such event in a room that both servers are in.')
}
