import type { Answer } from '../../contracts.ts'
import type { AnswerParts } from './answer-parts.ts'
import { giveEvents, transactionOf } from './give-events.ts'
import { eventIdOf, notFound } from './read-request.ts'

/** Server-server API, "Retrieving events". Only for servers in the event's room, whatever way they learnt the id. */
export function getEvent(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/event/{eventId}',
    async answer({ origin, params }) {
      const eventId = eventIdOf(params)
      const stored = (await parts.engine.events([eventId])).get(eventId)
      if (!stored) return notFound('There is no such event.')
      const { roomId } = stored.pdu
      await parts.gate.requireJoined(origin, roomId)
      return transactionOf(parts, await giveEvents(parts, roomId, [stored.pdu], origin))
    },
  }
}
