import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { parseEventId } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { dagEvents } from '../dag-walk.ts'
import type { AnswerParts } from './answer-parts.ts'
import { invalid, notFound, roomIdOf } from './read-request.ts'
import { packState, stateIds } from './state-answer.ts'

/** Server-server API, "Retrieving events": the state before an event, whole. */
export function getState(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/state/{roomId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      const { stateEvents, authChain } = await packState(parts, await stateAt(parts, origin, roomId, query))
      return { pdus: stateEvents, auth_chain: authChain }
    },
  }
}

/** The same as ids. */
export function getStateIds(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_matrix/federation/v1/state_ids/{roomId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      const { state, authChain } = await stateIds(parts, await stateAt(parts, origin, roomId, query))
      return { pdu_ids: state, auth_chain_ids: authChain }
    },
  }
}

async function stateAt(
  parts: AnswerParts,
  origin: ServerName,
  roomId: RoomId,
  query: URLSearchParams,
): Promise<readonly EventId[]> {
  const eventId = parseEventId(query.get('event_id')) ?? invalid('"event_id" is missing or malformed.')
  await parts.gate.requireMemberAt(origin, roomId, [eventId])
  const [event] = await dagEvents(parts.engine, roomId, [eventId])
  const isGuess = (await parts.engine.events([eventId])).get(eventId)?.approximate
  const state = event && !isGuess && (await parts.engine.stateBefore(roomId, eventId))
  return state ? [...state.values()] : notFound('The state at that event is not known here.')
}
