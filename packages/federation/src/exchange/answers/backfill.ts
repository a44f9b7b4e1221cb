import type { Answer } from '../../contracts.ts'
import { walkBack } from '../dag-walk.ts'
import { limits } from '../limits.ts'
import { parseInteger } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { giveEvents, transactionOf } from './give-events.ts'
import { eventIdsOf, invalid, roomIdOf } from './read-request.ts'

/** Server-server API, "Backfilling and retrieving missing events": the named events and what precedes them. */
export function backfill(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/backfill/{roomId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      await parts.gate.requireJoined(origin, roomId)
      const from = eventIdsOf(query.getAll('v'), 'v', 1)
      const asked = parseInteger(query.get('limit'), 1) ?? invalid('"limit" has to be a positive integer.')
      const limit = Math.min(asked, limits.eventsPerAnswer)
      const events = await walkBack(parts.engine, roomId, { from, inclusive: true, limit })
      return transactionOf(parts, await giveEvents(parts, roomId, events, origin))
    },
  }
}
