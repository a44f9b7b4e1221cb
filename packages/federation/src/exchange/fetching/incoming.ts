import type { EventId, JsonObject, RoomId, ServerName, Sha256 } from '@starling/protocol'
import { eventIdOf, JsonError, parseUserId, roomVersionRules, serverOf } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine, Verdict } from '../../contracts.ts'
import { isAllowedByAcl } from '../access/server-acl.ts'
import { currentStateEvent, membershipOf } from '../access/state-events.ts'
import { serversOfStrippedState } from '../membership/candidates.ts'
import type { Count, RoomViews } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import type { CatchUp } from './catch-up.ts'

export interface IncomingParts {
  readonly engine: RoomEngine
  readonly keys: KeyRing
  readonly views: RoomViews
  readonly carrier: EventCarrier
  readonly catchUp: CatchUp
  readonly sha256: Sha256
  readonly count: Count
  softFail(checked: CheckedPdu): Promise<string | undefined>
}

/** A PDU from gossip or a transaction, through the checks that depend on where it came from, then into the room. */
export async function takeIncoming(
  parts: IncomingParts,
  json: JsonObject,
  roomId: RoomId,
  from: ServerName,
  given?: CheckedPdu,
): Promise<Verdict> {
  const roomVersion = await parts.engine.roomVersion(roomId)
  if (roomVersion === undefined) return refuse(parts, undefined, 'unknown-room', 'the room is not known here')
  const joined = await parts.engine.joinedServers(roomId)
  const checked = given ?? (await check(parts, json, roomVersion, from, joined.has(from)))
  if ('kind' in checked) return checked
  const { pdu } = checked
  if (pdu.roomId !== roomId) return refuse(parts, pdu.eventId, 'other-room', 'the event is of another room')
  const denied = await deniedByAcl(parts, roomId, [serverOf(pdu.sender), from])
  if (denied)
    return refuse(parts, pdu.eventId, 'server-acl', `${denied} is denied by the access control list of the room`)
  if (!joined.has(parts.keys.serverName)) return outOfRoom(parts, checked)
  if (joined.has(from) || joined.has(serverOf(pdu.sender))) {
    return parts.catchUp.settle(await parts.catchUp.wholeForm(checked, from), from)
  }
  // A member that is not known here yet, or a stranger who would have us fetch and store for it: what is allowed now is
  // placed, and nothing of the rest is kept. If the room takes it in after all, an event that stands on it brings it.
  const softFail = await parts.softFail(checked)
  const verdict = await parts.engine.receive(checked, { onlyAccepted: true, softFail })
  if (verdict.kind !== 'waiting') return verdict
  return refuse(parts, pdu.eventId, 'not-joined', 'neither its server nor the one that brings it is in the room')
}

async function check(
  parts: IncomingParts,
  json: JsonObject,
  roomVersion: string,
  from: ServerName,
  keep: boolean,
): Promise<CheckedPdu | Verdict> {
  const result = await parts.carrier.unpack(json, roomVersion, from, { keep })
  if (result.ok) return result.checked
  return refuse(parts, idOf(json, roomVersion, parts.sha256), result.code, result.reason)
}

/**
 * The access control list denies by the event's own server, whoever passes it on (bad input 60), and by who brings it
 * (server-server API, "Server Access Control Lists").
 */
async function deniedByAcl(
  parts: IncomingParts,
  roomId: RoomId,
  servers: readonly ServerName[],
): Promise<ServerName | undefined> {
  const acl = await currentStateEvent(parts.engine, roomId, 'm.room.server_acl')
  return servers.find((server) => !isAllowedByAcl(acl?.content, server))
}

/**
 * In rooms that this server is not in, only one thing concerns it: that an invite is taken back or a knock denied. Nobody here
 * can apply the auth rules, so it counts only from servers that the invite or the stripped state speaks of.
 */
async function outOfRoom(parts: IncomingParts, checked: CheckedPdu): Promise<Verdict> {
  const { pdu } = checked
  const target = parseUserId(pdu.stateKey)
  const membership = membershipOf(pdu.content)
  const isEnd = pdu.type === 'm.room.member' && (membership === 'leave' || membership === 'ban')
  if (!isEnd || !target || serverOf(target) !== parts.keys.serverName) {
    return refuse(parts, pdu.eventId, 'not-in-room', 'this server is not in the room')
  }
  const view = await parts.views.membership(pdu.roomId, target)
  const isOpen = view?.membership === 'invite' || view?.membership === 'knock'
  const trusted = view && new Set([serverOf(view.sender), ...serversOfStrippedState(view.strippedState)])
  if (!isOpen || !trusted?.has(serverOf(pdu.sender))) {
    return refuse(parts, pdu.eventId, 'not-in-room', 'nothing open in that room comes from that server')
  }
  return parts.engine.storeOutOfRoomMembership(checked, [])
}

function refuse(parts: IncomingParts, eventId: EventId | undefined, code: string, reason: string): Verdict {
  parts.count('incoming_refused', code)
  // An event without canonical form has no id; the verdict has to name something.
  return { kind: 'refused', eventId: eventId ?? ('' as EventId), reason }
}

function idOf(json: JsonObject, roomVersion: string, sha256: Sha256): EventId | undefined {
  const rules = roomVersionRules(roomVersion)
  try {
    return rules && eventIdOf(json, rules, sha256)
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}
