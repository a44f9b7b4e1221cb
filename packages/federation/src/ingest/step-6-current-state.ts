import { type AuthVerdict, type Ed25519, type StateSlot, serverOf, stateSlot } from '@starling/protocol'
import { isAllowedByAcl } from '../exchange/access/server-acl.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { checkByState } from './step-5-state-before.ts'

const ACL = stateSlot('m.room.server_acl', '')

/** What soft failure asks of an event that stands in the DAG, or is about to. */
export type JudgedEvent = Pick<StoredEvent, 'pdu' | 'replaces' | 'barred'>

export type CurrentStateVerdict = AuthVerdict | { readonly allowed: false; readonly code: string }

/**
 * Step 6: authorisation by a current state of the room, and by the access control list in it (bad input 60). Fails: soft-failed.
 * The event's own effect is left out: who leaves is still there for the leave, and a list that denies its author's server does
 * not deny itself.
 */
export async function checkByCurrentState(
  event: JudgedEvent,
  state: RoomState,
  transaction: RoomTransaction,
  ed25519: Ed25519,
): Promise<CurrentStateVerdict> {
  if (event.barred) return { allowed: false, code: 'policy_server' }
  const { pdu } = event
  const map = withoutOwnEffect(event, state)
  if (!(await isServerAllowed(event, map, transaction))) return { allowed: false, code: 'server_acl' }
  return checkByState(pdu, map, transaction.requireHead().rules, transaction, ed25519)
}

/** The access control list alone: all that can stand against an event that stands on everything there is. */
export async function isServerAllowed(
  { pdu }: JudgedEvent,
  state: { get(slot: StateSlot): StoredEvent['pdu']['eventId'] | undefined },
  transaction: RoomTransaction,
): Promise<boolean> {
  const listId = state.get(ACL)
  if (listId === undefined || listId === pdu.eventId) return true
  const list = await transaction.event(listId)
  return isAllowedByAcl(list?.pdu.content, serverOf(pdu.sender))
}

function withoutOwnEffect({ pdu, replaces }: JudgedEvent, { map }: RoomState): Pick<RoomState['map'], 'get'> {
  if (pdu.stateKey === undefined) return map
  const own = stateSlot(pdu.type, pdu.stateKey)
  if (map.get(own) !== pdu.eventId) return map
  return { get: (slot) => (slot === own ? replaces : map.get(slot)) }
}
