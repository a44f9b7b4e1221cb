import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import { parseUserId, roomVersionRules, serverOf } from '@starling/protocol'
import type { Answer, CheckedPdu } from '../../contracts.ts'
import { AnswerError } from '../../net/requests/answer-error.ts'
import { currentStateEvent, membershipOf } from '../access/state-events.ts'
import { limits } from '../limits.ts'
import { takeShownState } from '../membership/stripped-state.ts'
import { coSign } from '../wire/co-sign.ts'
import { asString } from '../wire/read-json.ts'
import type { AnswerParts } from './answer-parts.ts'
import { bodyOf, eventIdOf, invalid, objectOf, requireQuota, roomIdOf } from './read-request.ts'

const HOUR_MS = 3_600_000

/** Server-server API, "Inviting to a room", version 2. Signs the invite and keeps it for the invited user. */
export function inviteV2(parts: AnswerParts): Answer {
  return {
    method: 'PUT',
    path: '/_matrix/federation/v2/invite/{roomId}/{eventId}',
    async answer({ origin, params, content }) {
      const roomId = roomIdOf(params)
      const body = bodyOf(content)
      await requireInviteQuota(parts, origin)
      const roomVersion = requireVersion(parts, body)
      const checked = await takeInvite(parts, body, { origin, roomId, eventId: eventIdOf(params), roomVersion })
      await requireWelcome(parts, checked, origin)
      const shown = await takeShownState(body.invite_room_state, roomId, roomVersion, parts.carrier)
      if (roomVersionRules(roomVersion)?.roomId === 'hash' && !shown.hasCreate) {
        invalid('"invite_room_state" has no create event of this room.', 'M_MISSING_PARAM')
      }
      if (shown.dropped > 0) parts.count('invite_room_state_dropped', 'entry')
      const signed = await signInvite(parts, checked)
      await keepInvite(parts, signed, shown.stripped, origin)
      return { event: signed.pdu.json }
    },
  }
}

interface InviteRequest {
  readonly origin: ServerName
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly roomVersion: string
}

async function requireInviteQuota(parts: AnswerParts, origin: ServerName): Promise<void> {
  requireQuota(parts.inviteQuota.take(origin), 'Too many invites from this server.')
  if (await sharesJoinedRoom(parts, origin)) return
  requireQuota(parts.strangersInviteQuota.take('all'), 'Too many invites from servers that share no room.')
}

async function sharesJoinedRoom({ engine }: AnswerParts, server: ServerName): Promise<boolean> {
  for (const roomId of await engine.joinedRooms()) if (engine.isServerJoined(roomId, server)) return true
  return false
}

function requireVersion(parts: AnswerParts, body: JsonObject): string {
  const roomVersion = asString(body.room_version) ?? invalid('"room_version" is missing.', 'M_MISSING_PARAM')
  if (parts.versions.includes(roomVersion)) return roomVersion
  throw new AnswerError(400, 'M_INCOMPATIBLE_ROOM_VERSION', 'The room version is not supported here.', {
    fields: { room_version: roomVersion.slice(0, 64) },
  })
}

async function takeInvite(parts: AnswerParts, body: JsonObject, request: InviteRequest): Promise<CheckedPdu> {
  const result = await parts.carrier.unpack(objectOf(body.event, 'event'), request.roomVersion, request.origin, {
    keep: false,
  })
  if (!result.ok) return invalid(`The event is refused: ${result.reason}.`)
  const { pdu, redacted } = result.checked
  if (redacted) invalid('The content hash does not match.')
  if (pdu.roomId !== request.roomId) invalid('The event is of another room than the path.')
  if (pdu.eventId !== request.eventId) invalid('The event id is not that of the path.')
  if (pdu.type !== 'm.room.member' || membershipOf(pdu.content) !== 'invite') invalid('The event is no invite.')
  if (serverOf(pdu.sender) !== request.origin) invalid('The sender is no user of the asking server.')
  const target = parseUserId(pdu.stateKey)
  if (!target || serverOf(target) !== parts.keys.serverName) invalid('The invited user is not of this server.')
  return result.checked
}

/** The invited user is there, not in the room yet, and takes invites from that sender; the room's ACL lets it in. */
async function requireWelcome(parts: AnswerParts, checked: CheckedPdu, origin: ServerName): Promise<void> {
  const { pdu } = checked
  const target = pdu.stateKey as UserId
  if (!(await parts.users.exists(target))) throw new AnswerError(404, 'M_NOT_FOUND', 'There is no such user.')
  if ((await parts.engine.roomVersion(pdu.roomId)) !== undefined) {
    await parts.gate.requireAllowed(origin, pdu.roomId)
    const member = await currentStateEvent(parts.engine, pdu.roomId, 'm.room.member', target)
    const isIn = parts.engine.isServerJoined(pdu.roomId, parts.keys.serverName)
    if (isIn && membershipOf(member?.content) === 'join') {
      throw new AnswerError(403, 'M_FORBIDDEN', 'The user is in the room already.')
    }
  }
  await requireRoomForOneMore(parts, target)
  if ((await parts.invitePolicy?.(pdu.sender, target)) === 'block') {
    throw new AnswerError(403, 'M_INVITE_BLOCKED', 'The user does not take invites from this sender.')
  }
}

/** Every open invite is kept with what it shows of its room, until the user answers it. */
async function requireRoomForOneMore(parts: AnswerParts, target: UserId): Promise<void> {
  const open = (await parts.views.roomsOf(target)).filter(({ membership }) => membership === 'invite')
  if (open.length < limits.openInvites) return
  requireQuota(HOUR_MS, 'The user has too many invites to answer first.')
}

async function signInvite(parts: AnswerParts, checked: CheckedPdu): Promise<CheckedPdu> {
  const rules = roomVersionRules(checked.roomVersion)
  if (!rules) return invalid('The room version is not supported here.')
  const result = await parts.engine.check(coSign(checked.pdu, parts.keys, rules), checked.roomVersion)
  if (result.ok) return result.checked
  throw new AnswerError(500, 'M_UNKNOWN', `The signed invite does not pass the checks: ${result.code}.`)
}

/** In the room, it comes by the room's topic as well; else it stands on its own until the user answers it. */
async function keepInvite(
  parts: AnswerParts,
  signed: CheckedPdu,
  stripped: readonly JsonObject[],
  origin: ServerName,
): Promise<void> {
  const isIn = parts.engine.isServerJoined(signed.pdu.roomId, parts.keys.serverName)
  const verdict = isIn
    ? await parts.settle(signed, origin)
    : await parts.engine.storeOutOfRoomMembership(signed, stripped)
  if (verdict.kind === 'rejected' || verdict.kind === 'refused') {
    throw new AnswerError(403, 'M_FORBIDDEN', `The invite was not taken: ${verdict.reason}.`)
  }
}
