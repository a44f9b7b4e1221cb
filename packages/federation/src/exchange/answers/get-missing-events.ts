import type { Answer } from '../../contracts.ts'
import { walkBack } from '../dag-walk.ts'
import { limits } from '../limits.ts'
import { asInteger } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { giveEvents } from './give-events.ts'
import { bodyOf, eventIdsOf, invalid, roomIdOf } from './read-request.ts'

const DEFAULT_LIMIT = 10

/** Server-server API, "Backfilling and retrieving missing events": what lies between two sets of events, oldest first. */
export function getMissingEvents(parts: AnswerParts): Answer {
  return {
    method: 'POST',
    path: '/_matrix/federation/v1/get_missing_events/{roomId}',
    async answer({ origin, params, content }) {
      const roomId = roomIdOf(params)
      const body = bodyOf(content)
      const latest = eventIdsOf(body.latest_events, 'latest_events', 1)
      await parts.gate.requireMemberAt(origin, roomId, latest)
      const earliest = eventIdsOf(body.earliest_events, 'earliest_events', 0)
      const limit = body.limit === undefined ? DEFAULT_LIMIT : asInteger(body.limit, 1)
      const minDepth = body.min_depth === undefined ? 0 : asInteger(body.min_depth, 0)
      if (limit === undefined || minDepth === undefined) return invalid('"limit" or "min_depth" is no such integer.')
      const events = await walkBack(parts.engine, roomId, {
        from: latest,
        inclusive: false,
        without: new Set([...earliest, ...latest]),
        minDepth,
        limit: Math.min(limit, limits.eventsPerAnswer),
      })
      // Cut off at the old end: what is nearest to `latest_events` is what the asker needs to go on from.
      const given = await giveEvents(parts, roomId, events, origin)
      return { events: given.reverse() }
    },
  }
}
