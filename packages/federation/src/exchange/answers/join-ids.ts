import { roomVersionRules } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { digestIds, hasHashIds, packIds } from '../wire/packed-ids.ts'
import { parseInteger } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { eventIdOf, invalid, notFound, requireQuota, roomIdOf } from './read-request.ts'

/**
 * Starling's own: a page of the manifest of a join (decision 0012). `?from=n` → `{auth_chain, state, next?}`, ids packed;
 * `from` counts through the auth chain and then the state. Any member answers it, not only who let the join in.
 */
export function joinIds(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_starling/federation/v1/join_ids/{roomId}/{eventId}',
    async answer({ origin, params, query }) {
      const roomId = roomIdOf(params)
      const eventId = eventIdOf(params)
      await parts.gate.requireJoined(origin, roomId)
      await requireHashIds(parts, roomId)
      const from = parseInteger(query.get('from') ?? '0', 0) ?? invalid('"from" is no such integer.')
      if (!parts.manifests.isKept(roomId, eventId)) {
        requireQuota(parts.manifestQuota.take(origin), 'Too many states have been asked for.')
      }
      const manifest = (await parts.manifests.of(roomId, eventId)) ?? notFound('There is no such event in the room.')
      const to = from + limits.idsPerPage
      const chain = manifest.authChain.length
      return {
        auth_chain: packIds(manifest.authChain.slice(from, to)),
        state: packIds(manifest.state.slice(Math.max(0, from - chain), Math.max(0, to - chain))),
        ...(to < chain + manifest.state.length ? { next: to } : {}),
      }
    },
  }
}

/**
 * Starling's own: what a member holds for the state before an event, in one hash, so that a joining server can compare
 * what another member told it. `?event_id=` → `{digest, count}`.
 */
export function stateDigest(parts: AnswerParts): Answer {
  return {
    method: 'GET',
    path: '/_starling/federation/v1/state_digest/{roomId}/{eventId}',
    async answer({ origin, params }) {
      const roomId = roomIdOf(params)
      const eventId = eventIdOf(params)
      await parts.gate.requireJoined(origin, roomId)
      requireQuota(parts.manifestQuota.take(origin), 'Too many states have been asked for.')
      const state = await parts.engine.stateBefore(roomId, eventId)
      if (!state) return notFound('There is no such event in the room.')
      return { digest: await digestIds(state.values(), parts.crypto.sha256), count: state.size }
    },
  }
}

export async function requireHashIds(
  parts: AnswerParts,
  roomId: Parameters<AnswerParts['engine']['roomVersion']>[0],
): Promise<NonNullable<ReturnType<typeof roomVersionRules>>> {
  const rules = roomVersionRules((await parts.engine.roomVersion(roomId)) ?? '')
  if (!rules || !hasHashIds(rules)) return invalid('Event ids of this room version prove nothing: ask for the state.')
  return rules
}
