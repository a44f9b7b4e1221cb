import type { AbortOptions, EventId, JsonObject, Pdu, ServerName } from '@starling/protocol'
import { roomVersionRules, serverOf } from '@starling/protocol'
import type { CheckedPdu, RoomSender } from '../../contracts.ts'
import type { RequestError } from '../../net/requests/request-error.ts'
import { RoomError } from '../../room/room-error.ts'
import { currentStateEvent } from '../access/state-events.ts'
import { limits } from '../limits.ts'
import type { ExchangeParts } from '../ports.ts'
import { isSignedBy } from '../wire/co-sign.ts'
import { ask, wasNotReached } from '../wire/request-failure.ts'
import { v2 } from '../wire/uri.ts'
import type { JoinParts } from './join-remote.ts'
import { memberContent } from './member-content.ts'
import type { MembershipChange } from './membership-change.ts'
import { roomStateToShow } from './stripped-state.ts'

export interface InviteParts extends JoinParts {
  readonly sender: RoomSender
  readonly crypto: ExchangeParts['crypto']
}

/**
 * Invites a user of another server (server-server API, "Inviting to a room"): that server signs the event, then it goes
 * into the room. Where the server is not reached now, the invite goes into the room with our signature alone, which is all
 * that the auth rules ask for, and waits in the durable outbox until the server is met.
 *
 * @throws RoomError `forbidden` where the auth rules or the invitee's server refuse, `incompatible-room-version`.
 */
export async function inviteRemote(
  parts: InviteParts,
  change: MembershipChange,
  options?: AbortOptions,
): Promise<EventId> {
  const roomVersion = await parts.engine.roomVersion(change.roomId)
  if (roomVersion === undefined) throw new RoomError('unknown-room', 'The room is not known here.')
  const { roomId, sender, target } = change
  const unsigned = await parts.engine.template({
    roomId,
    sender,
    type: 'm.room.member',
    stateKey: target,
    content: memberContent(change),
  })
  const own = parts.engine.finish(unsigned, roomVersion)
  const server = serverOf(target)
  const uri = v2('invite', [roomId, own.pdu.eventId])
  const body = await inviteBody(parts, own, sender)
  const answer = await ask(
    parts.requests.request(server, 'PUT', uri, body, {
      ...options,
      timeoutMs: limits.inviteTimeout,
      maxResponseBytes: limits.bytesPerSmallAnswer,
    }),
  )
  if (answer.ok) return store(parts, (await signedByInvitee(parts, own, answer.value, server)) ?? own)
  if (!wasNotReached(answer.error)) throw refused(answer.error)
  // In the room first: an invite that is delivered must be one that the room knows.
  const eventId = await store(parts, own)
  await parts.sender.enqueueRequest(server, 'PUT', uri, body)
  return eventId
}

/** Puts an invite that is in the room already into the outbox of the invitee's server, which knows it if it came before. */
export async function deliverStoredInvite(parts: InviteParts, { roomId, target }: MembershipChange): Promise<void> {
  const roomVersion = await parts.engine.roomVersion(roomId)
  const pdu = await currentStateEvent(parts.engine, roomId, 'm.room.member', target)
  // Only the inviter's server can vouch for it: others refuse an invite of somebody else's user.
  if (roomVersion === undefined || !pdu || serverOf(pdu.sender) !== parts.keys.serverName) return
  const body = await inviteBody(parts, { pdu, roomVersion, redacted: false }, pdu.sender)
  await parts.sender.enqueueRequest(serverOf(target), 'PUT', v2('invite', [roomId, pdu.eventId]), body)
}

async function inviteBody(parts: InviteParts, own: CheckedPdu, inviter: string): Promise<JsonObject> {
  const shown = await roomStateToShow(parts.engine, own.pdu.roomId, inviter)
  const carried = new Set<ServerName>()
  const [event] = await parts.carrier.pack([own.pdu], carried)
  return {
    room_version: own.roomVersion,
    event: event ?? own.pdu.json,
    invite_room_state: await parts.carrier.pack(shown, carried),
  }
}

/** The event as the invitee's server gave it back, if it is the same event and that server's signature is on it. */
async function signedByInvitee(
  parts: InviteParts,
  own: CheckedPdu,
  answer: JsonObject,
  server: ServerName,
): Promise<CheckedPdu | undefined> {
  const result = await parts.carrier.unpack(answer.event, own.roomVersion, server)
  const rules = roomVersionRules(own.roomVersion)
  const valid =
    rules !== undefined &&
    result.ok &&
    !result.checked.redacted &&
    isSameEvent(result.checked.pdu, own.pdu) &&
    (await isSignedBy(result.checked.pdu, server, parts.keys, rules, parts.crypto.ed25519))
  if (valid) return result.checked
  // The invite has arrived; what came back is not fit to be passed on, and our own signature is enough.
  parts.count('invite_answer_refused', result.ok ? 'not-signed' : result.code)
  return undefined
}

/** The reference hash covers the content hash, which `check` has compared: equal ids are equal events. */
function isSameEvent(one: Pdu, other: Pdu): boolean {
  return one.eventId === other.eventId && one.roomId === other.roomId
}

async function store(parts: InviteParts, event: CheckedPdu): Promise<EventId> {
  const verdict = await parts.engine.receive(event, { publish: true })
  if (verdict.kind === 'accepted' || verdict.kind === 'duplicate') return verdict.eventId
  throw new RoomError('forbidden', `The invite was ${verdict.kind}.`)
}

function refused(error: RequestError): RoomError {
  if (error.errcode === 'M_INCOMPATIBLE_ROOM_VERSION' || error.errcode === 'M_UNSUPPORTED_ROOM_VERSION') {
    return new RoomError('incompatible-room-version', error.message, { cause: error })
  }
  if (error.code === 'refused') return new RoomError('forbidden', error.message, { cause: error })
  return new RoomError('unreachable', 'The server of the invited user gave no valid answer.', { cause: error })
}
