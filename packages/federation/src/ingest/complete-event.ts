import type { CheckedPdu } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { tables } from '../store/tables.ts'
import { showEvent } from './place-event.ts'
import { applyRedaction } from './redactions.ts'
import { relationOf } from './relations.ts'

/**
 * An event and its redacted form have one id, so a carrier that spoils the content in passing could have the redacted form
 * stored for good. Of two forms the whole one counts, in whatever order they come; only a redaction that applies takes its
 * content away again.
 */
export function betterForm(
  checked: CheckedPdu,
  known: StoredEvent | undefined,
): { readonly pdu: StoredEvent['pdu']; readonly incomplete: boolean } {
  if (known?.redactedBy !== undefined) return { pdu: known.pdu, incomplete: false }
  if (checked.redacted && known && !known.incomplete) return { pdu: known.pdu, incomplete: false }
  return { pdu: checked.pdu, incomplete: checked.redacted }
}

/** True where the whole form of an event has come whose redacted form is stored because its hash did not match. */
export function completes(checked: CheckedPdu, known: StoredEvent): boolean {
  return known.incomplete === true && known.redactedBy === undefined && !checked.redacted
}

/** Gives a stored event its content back. What it does by its content (a relation, a redaction) happens now. */
export async function completeEvent(
  known: StoredEvent,
  { pdu }: CheckedPdu,
  transaction: RoomTransaction,
): Promise<void> {
  const { incomplete: _, ...rest } = known
  const whole: StoredEvent = { ...rest, pdu }
  transaction.putEvent(whole)
  if (known.status !== 'accepted') return
  if (known.order !== undefined) return relate(whole, known.order, transaction)
  if (pdu.type !== 'm.room.redaction' || known.before === undefined) return
  // Up to version 10 the redacted form of a redaction does not say what it redacts.
  const { rules } = transaction.requireHead()
  const outcome = await applyRedaction(pdu, await transaction.state(known.before), rules, transaction)
  if (outcome !== 'applied') return
  const { position } = transaction.position()
  showEvent({ ...whole, order: position }, transaction)
  transaction.head = { ...transaction.requireHead(), lastChange: position }
}

function relate({ pdu, room }: StoredEvent, order: number, transaction: RoomTransaction): void {
  const relation = relationOf(pdu)
  if (!relation) return
  const row = { eventId: pdu.eventId, relType: relation.relType, type: pdu.type }
  transaction.write(tables.relation.put([room, relation.target, order], row))
}
