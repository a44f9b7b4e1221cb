import { type EventId, type Pdu, stateSlot, topologicalOrder } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { tables } from '../store/tables.ts'
import { moveBackwardExtremities } from './extremities.ts'
import type { IngestParts } from './ingest-pdu.ts'
import { isMergeEvent } from './merge-event.ts'
import { showEvent } from './place-event.ts'
import { applyRedaction, findPendingRedaction } from './redactions.ts'
import { outlierRoomOf, storeOutliers } from './store-outlier.ts'

/**
 * Takes events from before what is stored. They are judged by their auth events (step 4). The state around them is what the
 * next newer event says was before it, taken back event by event: exact for memberships and power levels, whose auth
 * events name what they replaced; other slots that an older event held are empty there. That state is good for showing
 * history, not for rejecting it, so steps 5 and 6 are left out. Events that hang on nothing stored stay outliers.
 */
export async function ingestHistory(
  events: readonly CheckedPdu[],
  transaction: RoomTransaction,
  parts: IngestParts,
): Promise<readonly Verdict[]> {
  const refused = !transaction.head?.servers.has(parts.serverName)
  if (refused)
    return events.map(({ pdu }) => ({ kind: 'refused', eventId: pdu.eventId, reason: 'the room is not joined here' }))
  const verdicts = new Map(await storeOutliers(events, transaction, outlierRoomOf(transaction), parts.ed25519))
  const newestFirst = topologicalOrder(events.map(({ pdu }) => pdu)).reverse()
  for (const { eventId } of newestFirst) {
    const stored = await transaction.event(eventId)
    if (!stored || stored.after !== undefined) continue
    const verdict = await placeHistory(stored, transaction)
    if (verdict) verdicts.set(eventId, verdict)
  }
  return events.map(({ pdu }) => verdicts.get(pdu.eventId) ?? { kind: 'outlier', eventId: pdu.eventId })
}

async function placeHistory(stored: StoredEvent, transaction: RoomTransaction): Promise<Verdict | undefined> {
  const { pdu } = stored
  const after = await stateBeforeChild(pdu.eventId, transaction)
  if (!after) return undefined
  const rejected = stored.status === 'rejected'
  const before = rejected ? after : await takenBack(pdu, after, transaction)
  await moveBackwardExtremities(pdu, rejected ? 'rejected' : 'accepted', transaction)
  const slot = pdu.stateKey === undefined ? undefined : stateSlot(pdu.type, pdu.stateKey)
  const replaces = slot && before.map.get(slot)
  const states = { before: before.id, after: after.id, ...(replaces === undefined ? {} : { replaces }) }
  const placed = { ...stored, ...states, approximate: true as const }
  if (rejected) {
    transaction.putEvent(placed)
    return { kind: 'rejected', eventId: pdu.eventId, reason: stored.reason ?? 'rejected' }
  }
  return showHistory({ ...placed, status: 'accepted' }, before, transaction)
}

async function showHistory(event: StoredEvent, before: RoomState, transaction: RoomTransaction): Promise<Verdict> {
  const { pdu } = event
  const { rules } = transaction.requireHead()
  // Stored first: an event must be there for its redaction to find it, and for the state rows that name it.
  transaction.putEvent(event)
  const hidden: Verdict = {
    kind: 'accepted',
    eventId: pdu.eventId,
    position: transaction.requireHead().nextHistoryOrder,
  }
  if (isMergeEvent(pdu)) return hidden
  if (pdu.type === 'm.room.redaction' && (await applyRedaction(pdu, before, rules, transaction)) !== 'applied')
    return hidden
  const early = await findPendingRedaction(pdu, rules, transaction)
  if (early && early.redaction.order === undefined) {
    showEvent({ ...early.redaction, order: takeHistoryOrder(transaction) }, transaction)
  }
  const shown = early ? { ...event, pdu: early.pdu, redactedBy: early.redaction.pdu.eventId } : event
  const order = takeHistoryOrder(transaction)
  showEvent({ ...shown, order }, transaction)
  return { kind: 'accepted', eventId: pdu.eventId, position: order }
}

/** The state before a stored event that names this one as a parent: as near as can be known, the state after this one. */
async function stateBeforeChild(eventId: EventId, transaction: RoomTransaction): Promise<RoomState | undefined> {
  const row = await tables.backward.get(transaction, transaction.requireHead().number, eventId)
  const children = await transaction.events(row?.children ?? [])
  for (const child of children.values()) if (child.before !== undefined) return transaction.state(child.before)
  return undefined
}

/** `after` without what the event did: its slot goes back to the event that its auth events name for it, or empty. */
async function takenBack(pdu: Pdu, after: RoomState, transaction: RoomTransaction): Promise<RoomState> {
  if (pdu.stateKey === undefined) return after
  const slot = stateSlot(pdu.type, pdu.stateKey)
  if (after.map.get(slot) !== pdu.eventId) return after
  const authEvents = await transaction.events(pdu.authEvents)
  const replaced = [...authEvents.values()].find(
    ({ pdu: auth }) => auth.type === pdu.type && auth.stateKey === pdu.stateKey,
  )
  return transaction.deriveState(after, new Map([[slot, replaced?.pdu.eventId]]))
}

function takeHistoryOrder(transaction: RoomTransaction): number {
  const head = transaction.requireHead()
  transaction.head = { ...head, nextHistoryOrder: head.nextHistoryOrder - 1 }
  return head.nextHistoryOrder
}
