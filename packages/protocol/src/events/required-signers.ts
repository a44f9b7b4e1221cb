import type { EventId, ServerName } from '../ids/branded.ts'
import { serverOf } from '../ids/id-parts.ts'
import { parseUserId } from '../ids/user-id.ts'
import { ownValue } from '../json/own-value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { Pdu } from './pdu.ts'

/**
 * Servers whose signature an event needs (server-server API, "Validating hashes and signatures on received events"): the sender's,
 * unless the event is a third-party invite; in versions 1 and 2 also the one named in the event id; for a join into a
 * restricted room also the one that let the user in. Empty is possible only for a third-party invite, whose own
 * signature the authorisation rules check.
 */
export function requiredSigners(pdu: Pdu, rules: RoomVersionRules): ReadonlySet<ServerName> {
  const signers = new Set<ServerName>()
  if (!isThirdPartyInvite(pdu)) signers.add(serverOf(pdu.sender))
  if (rules.eventId === 'given') addServerOf(pdu.eventId, signers)
  const authoriser = joinAuthoriser(pdu, rules)
  if (authoriser !== undefined) signers.add(authoriser)
  return signers
}

function isThirdPartyInvite(pdu: Pdu): boolean {
  if (pdu.type !== 'm.room.member' || ownValue(pdu.content, 'membership') !== 'invite') return false
  return ownValue(pdu.content, 'third_party_invite') !== undefined
}

function joinAuthoriser(pdu: Pdu, rules: RoomVersionRules): ServerName | undefined {
  if (rules.auth.restrictedRules.size === 0 || pdu.type !== 'm.room.member') return undefined
  const user = parseUserId(ownValue(pdu.content, 'join_authorised_via_users_server'))
  return user === undefined ? undefined : serverOf(user)
}

function addServerOf(eventId: EventId, signers: Set<ServerName>): void {
  const server = serverOf(eventId)
  if (server !== undefined) signers.add(server)
}
