import type { EventId, JsonObject, Pdu, RoomId, RoomVersionRules, ServerName, UserId } from '@starling/protocol'
import { JsonError, ownValue, parseUserId, redact, roomVersionRules, serverOf } from '@starling/protocol'
import type { Answer } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { limits } from '../limits.ts'
import { judgeRestrictedJoin, mayInvite } from '../membership/restricted-join.ts'
import { digestIds, hasHashIds, packIds } from '../wire/packed-ids.ts'
import { asObject } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { residentVersion } from './make-template.ts'
import { bodyOf, eventIdOf, invalid, roomIdOf } from './read-request.ts'
import type { RoomManifest } from './room-manifest.ts'
import { packState } from './state-answer.ts'
import { letIn, type MemberEventRequest, requireMemberEvent, takeMemberEvent } from './take-member-event.ts'

/** Asked for with this in the query, and answered under the same name: decision 0012. */
export const MANIFEST = 'org.starling.manifest'

/**
 * Server-server API, "Joining Rooms": lets a join into the room and answers the state before it with all auth chains.
 * `omit_members` is a permission that is not used: the answer is always whole. With `org.starling.manifest` in the query, the
 * answer for a large room holds ids, and what they name is asked for in pages.
 */
export function sendJoin(parts: AnswerParts): Answer {
  return {
    method: 'PUT',
    path: '/_matrix/federation/v2/send_join/{roomId}/{eventId}',
    async answer({ origin, params, query, content }) {
      const roomId = roomIdOf(params)
      const eventId = eventIdOf(params)
      const body = bodyOf(content)
      const roomVersion = await residentVersion(parts, roomId)
      await parts.gate.requireAllowed(origin, roomId)
      const request: MemberEventRequest = { origin, roomId, eventId, membership: 'join', roomVersion }
      const signed = await signIfAuthoriser(parts, body, request)
      const checked = await takeMemberEvent(parts, signed, request)
      const before = await parts.engine.joinedServers(roomId)
      await letIn(parts, checked, origin)
      const event = (await parts.engine.events([eventId])).get(eventId)
      if (!event) throw new AnswerError(500, 'M_UNKNOWN', 'The join is not known here.')
      const rules = roomVersionRules(roomVersion)
      const asksForManifest = query.has(MANIFEST) && rules !== undefined && hasHashIds(rules)
      return {
        origin: parts.keys.serverName,
        members_omitted: false,
        event: event.pdu.json,
        servers_in_room: [...before],
        ...(asksForManifest
          ? await wholeOrManifest(parts, roomId, eventId, roomVersion)
          : await wholeState(parts, roomId, eventId)),
      }
    },
  }
}

async function wholeState(parts: AnswerParts, roomId: RoomId, eventId: EventId): Promise<JsonObject> {
  const state = await parts.engine.stateBefore(roomId, eventId)
  if (!state) throw new AnswerError(500, 'M_UNKNOWN', 'The state before the join is not known here.')
  const { stateEvents, authChain } = await packState(parts, [...state.values()], [eventId])
  return { state: stateEvents, auth_chain: authChain }
}

async function wholeOrManifest(
  parts: AnswerParts,
  roomId: RoomId,
  eventId: EventId,
  roomVersion: string,
): Promise<JsonObject> {
  const manifest = await parts.manifests.of(roomId, eventId)
  if (!manifest) throw new AnswerError(500, 'M_UNKNOWN', 'The state before the join is not known here.')
  const small = manifest.events && (await smallRoom(parts, manifest, manifest.events))
  if (small) return small
  const { authChain, state } = manifest
  const first = await parts.engine.events(authChain.slice(0, limits.eventsBesideManifest))
  const isOnePage = authChain.length + state.length <= limits.idsPerPage
  return {
    [MANIFEST]: {
      room_version: roomVersion,
      auth_chain_count: authChain.length,
      state_count: state.length,
      digest: await digestIds(state, parts.crypto.sha256),
      events: await parts.carrier.pack([...first.values()].map(({ pdu }) => pdu)),
      ...(isOnePage ? { auth_chain: packIds(authChain), state: packIds(state) } : {}),
    },
  }
}

/** The plain answer; undefined where it would be too long. */
async function smallRoom(
  parts: AnswerParts,
  { state, authChain }: RoomManifest,
  events: ReadonlyMap<EventId, Pdu>,
): Promise<JsonObject | undefined> {
  let chars = 0
  for (const { json } of events.values()) chars += JSON.stringify(json).length
  if (chars > limits.charsOfSmallRoom) return undefined
  const carried = new Set<ServerName>()
  const eventsOf = (ids: readonly EventId[]) => ids.flatMap((id) => events.get(id) ?? [])
  return {
    state: await parts.carrier.pack(eventsOf(state), carried),
    auth_chain: await parts.carrier.pack(eventsOf(authChain), carried),
  }
}

/**
 * A restricted join that names a user of this server needs this server's signature before it passes any check. It is given
 * only where the join rules' conditions hold now and that user may invite now, whatever an earlier template said.
 */
async function signIfAuthoriser(
  parts: AnswerParts,
  body: JsonObject,
  request: MemberEventRequest,
): Promise<JsonObject> {
  const rules = roomVersionRules(request.roomVersion)
  const eventContent = asObject(body.content)
  if (!rules || !eventContent || rules.auth.restrictedRules.size === 0) return body
  const authoriser = parseUserId(ownValue(eventContent, 'join_authorised_via_users_server'))
  if (!authoriser || serverOf(authoriser) !== parts.keys.serverName) return body
  requireMemberEvent(
    { type: body.type, sender: body.sender, stateKey: body.state_key, content: eventContent },
    body.room_id,
    request,
  )
  await requireAuthority(parts, request.roomId, body.sender as UserId, authoriser)
  return withOwnSignature(parts, body, rules)
}

async function requireAuthority(parts: AnswerParts, roomId: RoomId, userId: UserId, authoriser: UserId): Promise<void> {
  const verdict = await judgeRestrictedJoin(parts.engine, parts.keys.serverName, roomId, userId)
  if (verdict.kind === 'not-needed') return
  if (verdict.kind === 'cannot-tell') {
    throw new AnswerError(
      400,
      'M_UNABLE_TO_AUTHORISE_JOIN',
      'This server does not know the rooms that the join rules name.',
    )
  }
  if (verdict.kind === 'fails') {
    throw new AnswerError(403, 'M_FORBIDDEN', 'The user is not in any room whose members may join.')
  }
  if (!(await mayInvite(parts.engine, roomId, authoriser, userId))) {
    throw new AnswerError(400, 'M_UNABLE_TO_GRANT_JOIN', 'The named user may not invite to the room.')
  }
}

function withOwnSignature(parts: AnswerParts, body: JsonObject, rules: RoomVersionRules): JsonObject {
  try {
    return { ...body, signatures: parts.keys.sign(redact(body, rules)).signatures }
  } catch (error) {
    if (error instanceof JsonError) return invalid('The event has no canonical form.', 'M_BAD_JSON')
    throw error
  }
}
