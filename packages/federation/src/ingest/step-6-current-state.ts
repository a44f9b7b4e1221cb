import type { AuthVerdict, Ed25519, Pdu } from '@starling/protocol'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomState } from '../state/state-store.ts'
import type { EventSource } from './auth-state.ts'
import { checkByState } from './step-5-state-before.ts'

/** Step 6: authorisation by the current state of the room. Fails: soft-failed. */
export async function checkByCurrentState(
  pdu: Pdu,
  head: RoomHead,
  before: RoomState,
  source: EventSource,
  ed25519: Ed25519,
): Promise<AuthVerdict> {
  // The usual case: the event stands on all extremities, so the state before it is the current one, which step 5 asked.
  if (before.id === head.state.id) return { allowed: true }
  return checkByState(pdu, head.state.map, head.rules, source, ed25519)
}
