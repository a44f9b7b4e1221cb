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
      const newest = await walkBack(parts.engine, roomId, {
        from: await parts.engine.forwardExtremities(roomId),
        inclusive: true,
        limit: limits.eventsPerWalk,
      })
      const near = newest.filter((event) => isOnSide(event, ts, direction))
      near.sort((a, b) => distance(a, ts) - distance(b, ts))
      const found = await firstShown(parts, near)
      if (!found) return notFound('No event lies on that side of the time.')
      return { event_id: found.eventId, origin_server_ts: found.originServerTs }
    },
  }
}

/** Rejected events are walked through, and nobody is led to them. */
async function firstShown({ engine }: AnswerParts, events: readonly Pdu[]): Promise<Pdu | undefined> {
  for (const pdu of events) if ((await engine.events([pdu.eventId])).has(pdu.eventId)) return pdu
  return undefined
}

function isOnSide(event: Pdu, ts: number, direction: 'f' | 'b'): boolean {
  return direction === 'f' ? event.originServerTs >= ts : event.originServerTs <= ts
}

function distance(event: Pdu, ts: number): number {
  return Math.abs(event.originServerTs - ts)
}
