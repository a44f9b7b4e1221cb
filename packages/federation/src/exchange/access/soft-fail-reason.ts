import { serverOf } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine } from '../../contracts.ts'
import { needsRecommendation, type PolicyCheck, policyServerOf } from './policy-server.ts'
import { isAllowedByAcl } from './server-acl.ts'
import { currentStateEvent } from './state-events.ts'

interface SoftFailParts {
  readonly engine: RoomEngine
  readonly keys: Pick<KeyRing, 'serverName'>
  readonly policyCheck?: PolicyCheck | undefined
}

/**
 * What the auth rules do not say of an event that was fetched: its own server is denied by the room's access control list now,
 * whoever passes it on (bad input 60), or the room's policy server does not recommend it. It cannot be left out, since others
 * may stand on it; so it is soft-failed: neither shown nor built upon. What came before the list was set is taken in
 * before the list is, and stays.
 */
export async function softFailReason(parts: SoftFailParts, checked: CheckedPdu): Promise<string | undefined> {
  const { roomId, sender } = checked.pdu
  const server = serverOf(sender)
  if (server === parts.keys.serverName) return undefined
  const acl = await currentStateEvent(parts.engine, roomId, 'm.room.server_acl')
  if (!isAllowedByAcl(acl?.content, server)) return 'server_acl'
  if (!parts.policyCheck || !needsRecommendation(checked.pdu)) return undefined
  const policy = await policyServerOf(parts.engine, roomId)
  return policy && !(await parts.policyCheck(checked, policy)) ? 'policy_server' : undefined
}
