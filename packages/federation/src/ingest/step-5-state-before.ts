import {
  type AuthVerdict,
  checkAuth,
  type Ed25519,
  type Pdu,
  type RoomVersionRules,
  type StateMap,
} from '@starling/protocol'
import { authStateFrom, type EventSource } from './auth-state.ts'

/** Step 5: authorisation by the state before the event. Fails: rejected. */
export async function checkByState(
  pdu: Pdu,
  state: Pick<StateMap, 'get'>,
  rules: RoomVersionRules,
  source: EventSource,
  ed25519: Ed25519,
): Promise<AuthVerdict> {
  return checkAuth(pdu, await authStateFrom(pdu, state, rules, source), rules, { ed25519 })
}
