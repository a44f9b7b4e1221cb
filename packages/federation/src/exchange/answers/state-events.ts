import type { EventId, JsonObject } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { unpackIds } from '../wire/packed-ids.ts'
import type { AnswerParts } from './answer-parts.ts'
import { requireHashIds } from './join-ids.ts'
import { bodyOf, invalid, requireQuota, roomIdOf } from './read-request.ts'

/**
 * Starling's own: state events of a room by id (decision 0012). `{ids: packed}` → `{events}`: those that are here, in the
 * order asked for, until the page is full; the rest is asked for again. Only state: members get that whole from `state` anyway,
 * while messages have a history visibility.
 */
export function stateEvents(parts: AnswerParts): Answer {
  return {
    method: 'POST',
    path: '/_starling/federation/v1/state_events/{roomId}',
    async answer({ origin, params, content }) {
      const roomId = roomIdOf(params)
      await parts.gate.requireJoined(origin, roomId)
      const rules = await requireHashIds(parts, roomId)
      const ids = unpackIds(bodyOf(content).ids, rules, limits.stateEventsPerPage)
      if (!ids || ids.length === 0) {
        return invalid(`"ids" has to hold 1 to ${limits.stateEventsPerPage} packed event ids.`)
      }
      requireQuota(parts.stateEventQuota.take(origin, ids.length), 'Too many events have been asked for.')
      return { events: await pageOf(parts, roomId, ids) }
    },
  }
}

async function pageOf(parts: AnswerParts, roomId: string, ids: readonly EventId[]): Promise<JsonObject[]> {
  const stored = await parts.engine.events(ids)
  const given: JsonObject[] = []
  let chars = 0
  for (const id of ids) {
    const pdu = stored.get(id)?.pdu
    if (pdu?.roomId !== roomId || pdu.stateKey === undefined) continue
    chars += JSON.stringify(pdu.json).length
    if (given.length > 0 && chars > limits.charsPerStatePage) break
    given.push(pdu.json)
  }
  return parts.carrier.pack(given)
}
