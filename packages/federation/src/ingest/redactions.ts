import { mayRedact, type Pdu, type RoomVersionRules, redactPdu } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { tables } from '../store/tables.ts'
import { authStateFrom } from './auth-state.ts'
import { relationOf } from './relations.ts'

/** Redactions remembered in a room for one event that is not here. Anybody may send some: the first are kept. */
const MAX_PENDING = 10

/**
 * What becomes of an accepted redaction (room versions, "Handling redactions"). Only an `applied` one is shown to clients; a
 * `pending` one waits for the event that it names; an `ignored` one is by somebody who may not.
 */
export type RedactionOutcome = 'applied' | 'pending' | 'ignored'

/** Applies an accepted redaction to its target, or notes it down for when that comes. `before`: state before the redaction. */
export async function applyRedaction(
  redaction: Pdu,
  before: RoomState,
  rules: RoomVersionRules,
  transaction: RoomTransaction,
): Promise<RedactionOutcome> {
  if (redaction.redacts === undefined) return 'ignored'
  const target = await transaction.event(redaction.redacts)
  if (!target) {
    await notePending(redaction, transaction)
    return 'pending'
  }
  if (target.room !== transaction.requireHead().number) return 'ignored'
  const state = await authStateFrom(redaction, before.map, rules, transaction)
  if (!mayRedact(redaction, target.pdu, state, rules)) return 'ignored'
  if (target.redactedBy === undefined) transaction.putEvent(redacted(target, redaction, rules, transaction))
  return 'applied'
}

/**
 * The redaction that came before the event it names, if there is one that may. The caller stores the event in the form
 * returned, and shows the redaction.
 */
export async function findPendingRedaction(
  pdu: Pdu,
  rules: RoomVersionRules,
  transaction: RoomTransaction,
): Promise<{ readonly redaction: StoredEvent; readonly pdu: Pdu } | undefined> {
  const { number } = transaction.requireHead()
  const ids = await tables.pendingRedaction.get(transaction, number, pdu.eventId)
  if (!ids) return undefined
  transaction.write(tables.pendingRedaction.del([number, pdu.eventId]))
  const redactions = await transaction.events(ids)
  for (const eventId of ids) {
    const redaction = redactions.get(eventId)
    if (redaction?.before === undefined || redaction.status !== 'accepted') continue
    const before = await transaction.state(redaction.before)
    const state = await authStateFrom(redaction.pdu, before.map, rules, transaction)
    if (mayRedact(redaction.pdu, pdu, state, rules)) return { redaction, pdu: redactPdu(pdu, rules) }
  }
  return undefined
}

/** The stored form without its content: what a redaction takes away is gone from the disk as well. */
function redacted(
  target: StoredEvent,
  redaction: Pdu,
  rules: RoomVersionRules,
  transaction: RoomTransaction,
): StoredEvent {
  const relation = relationOf(target.pdu)
  if (relation && target.order !== undefined) {
    transaction.write(tables.relation.del([target.room, relation.target, target.order]))
  }
  return { ...target, pdu: redactPdu(target.pdu, rules), redactedBy: redaction.eventId }
}

async function notePending(redaction: Pdu, transaction: RoomTransaction): Promise<void> {
  if (redaction.redacts === undefined) return
  const { number } = transaction.requireHead()
  const ids = (await tables.pendingRedaction.get(transaction, number, redaction.redacts)) ?? []
  if (ids.length >= MAX_PENDING) return
  transaction.write(tables.pendingRedaction.put([number, redaction.redacts], [...ids, redaction.eventId]))
}
