import type { Pdu } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { walkBack } from '../dag-walk.ts'
import { limits } from '../limits.ts'
import { parseInteger } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid, notFound, roomIdOf } from './read-request.ts'

/**
 * Server-server API, "Retrieving events": the event nearest to a time, among the newest `eventsPerWalk` of the room.
 * Times further back are answered 404, after which the asker backfills.
 */
export function timestampToEvent(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/timestamp_to_event/{roomId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      await parts.gate.requireJoined(origin, roomId)
      const ts = parseInteger(query.get('ts'), 0) ?? invalid('"ts" has to be an integer.')
      const direction = query.get('dir')
      if (direction !== 'f' && direction !== 'b') return invalid('"dir" has to be "f" or "b".')
      let best: Pdu | undefined
      await walkBack(parts.engine, roomId, {
        from: await parts.engine.forwardExtremities(roomId),
        inclusive: true,
        limit: limits.eventsPerWalk,
        take: (event) => {
          if (isOnSide(event, ts, direction) && (!best || distance(event, ts) < distance(best, ts))) best = event
          return true
        },
      })
      const found = best as Pdu | undefined
      if (!found) return notFound('No event lies on that side of the time.')
      return { event_id: found.eventId, origin_server_ts: found.originServerTs }
    },
  }
}

function isOnSide(event: Pdu, ts: number, direction: 'f' | 'b'): boolean {
  return direction === 'f' ? event.originServerTs >= ts : event.originServerTs <= ts
}

function distance(event: Pdu, ts: number): number {
  return Math.abs(event.originServerTs - ts)
}
