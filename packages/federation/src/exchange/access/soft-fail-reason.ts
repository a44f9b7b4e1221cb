import { serverOf } from '@starling/protocol'
import type { CheckedPdu, KeyRing, RoomEngine } from '../../contracts.ts'
import { needsRecommendation, type PolicyCheck, policyServerOf } from './policy-server.ts'

interface SoftFailParts {
  readonly engine: RoomEngine
  readonly keys: Pick<KeyRing, 'serverName'>
  readonly policyCheck?: PolicyCheck | undefined
}

/**
 * What neither the auth rules nor the state say of an event that was fetched: the room's policy server does not recommend it.
 * It cannot be left out, since others may stand on it; so it is soft-failed: neither shown nor built upon. (Who is denied by the
 * room's access control list is soft-failed by the engine, which asks the list of its own current state: `ingest/step-6-current-state.ts`.)
 */
export async function softFailReason(parts: SoftFailParts, checked: CheckedPdu): Promise<string | undefined> {
  const { roomId, sender } = checked.pdu
  if (serverOf(sender) === parts.keys.serverName || !parts.policyCheck || !needsRecommendation(checked.pdu))
    return undefined
  const policy = await policyServerOf(parts.engine, roomId)
  return policy && !(await parts.policyCheck(checked, policy)) ? 'policy_server' : undefined
}
