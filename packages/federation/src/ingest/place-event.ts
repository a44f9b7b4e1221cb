import { type EventId, type Pdu, parseUserId, type ServerName, serverOf, stateSlot } from '@starling/protocol'
import type { Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomWatchers } from '../room/room-watchers.ts'
import type { ResolveStates } from '../state/resolve-states.ts'
import { resolveTips } from '../state/resolve-tips.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { type EventStatus, type TransactionName, tables } from '../store/tables.ts'
import { changeCurrentState } from './current-state.ts'
import { moveBackwardExtremities, nextExtremities } from './extremities.ts'
import { isMergeEvent } from './merge-event.ts'
import { noteCitations } from './note-citations.ts'
import { applyRedaction, findPendingRedaction } from './redactions.ts'
import { relationOf } from './relations.ts'

/** A PDU with its verdict and the state before it: what `placeEvent` writes down. */
export interface Placement {
  readonly pdu: Pdu
  /** `pdu` is the redacted form of an event whose hash did not match. */
  readonly incomplete?: boolean
  readonly before: RoomState
  readonly status: Exclude<EventStatus, 'outlier'>
  readonly reason?: string
  /** Made here just now: nobody can have named it yet, and its parents are known. Saves the reads that would find that out. */
  readonly fresh?: boolean
  /** Gets an outbox row, unless no other server is in the room. */
  readonly publish?: boolean
  readonly transaction?: TransactionName
}

export interface PlaceParts {
  readonly resolve: ResolveStates
  readonly watchers: RoomWatchers
  /** This server. */
  readonly serverName: ServerName
}

/** Puts an event into the DAG with everything that follows from it, in the transaction's one batch. */
export async function placeEvent(
  placement: Placement,
  transaction: RoomTransaction,
  parts: PlaceParts,
): Promise<Verdict> {
  const { pdu, status, reason = status } = placement
  const { number } = transaction.requireHead()
  const event = { ...eventOf(placement, transaction), ...(await noteCitations(pdu, number, transaction)) }
  if (status === 'accepted') return placeAccepted(event, placement, transaction, parts)
  await moveBackwardExtremities(pdu, status, transaction)
  transaction.putEvent(event)
  return { kind: status, eventId: pdu.eventId, reason }
}

async function placeAccepted(
  event: StoredEvent,
  placement: Placement,
  transaction: RoomTransaction,
  { resolve, watchers, serverName }: PlaceParts,
): Promise<Verdict> {
  const { pdu, fresh = false, publish = false } = placement
  const { roomId } = transaction
  const serversBefore = transaction.requireHead().servers
  const extremities = fresh ? ownExtremities(pdu, transaction) : await nextExtremities(pdu, transaction)
  if (!fresh) await moveBackwardExtremities(pdu, 'accepted', transaction)
  const place = transaction.position()
  const { position } = place
  await showWithRedactions(event, placement, position, transaction)
  transaction.head = { ...transaction.requireHead(), extremities, lastChange: position }
  await changeCurrentState(transaction, await currentState(extremities, transaction, resolve), place)
  // Those who were there before hear of it too: it may be what removed them.
  const audience = [serversBefore, transaction.requireHead().servers]
  if (publish && (audience.some((servers) => holdsOther(servers, serverName)) || removesOther(pdu, serverName))) {
    transaction.write(tables.outbox.put([position], { eventId: pdu.eventId, roomId }))
    transaction.afterwards(() => watchers.localEvent(roomId, pdu))
  }
  transaction.afterwards(() => watchers.accepted(roomId, pdu))
  return { kind: 'accepted', eventId: pdu.eventId, position }
}

function holdsOther(servers: ReadonlyMap<ServerName, number>, self: ServerName): boolean {
  return servers.size > 1 || (servers.size === 1 && !servers.has(self))
}

/** Takes an invite or a knock of another server's user away: that server is in no audience, and has to hear of it. */
function removesOther({ type, stateKey, content }: Pdu, self: ServerName): boolean {
  const target = type === 'm.room.member' ? parseUserId(stateKey) : undefined
  return (
    target !== undefined &&
    serverOf(target) !== self &&
    (content.membership === 'leave' || content.membership === 'ban')
  )
}

/** The row, still without a place in the timeline. Stores the state after it where that is a new one. */
function eventOf(placement: Placement, transaction: RoomTransaction): StoredEvent {
  const { pdu, before, status, reason = status } = placement
  const changes = pdu.stateKey !== undefined && status !== 'rejected'
  const slot = pdu.stateKey === undefined ? undefined : stateSlot(pdu.type, pdu.stateKey)
  const after = slot && changes ? transaction.deriveState(before, new Map([[slot, pdu.eventId]])) : before
  const replaces = slot && before.map.get(slot)
  const { number, rules } = transaction.requireHead()
  return {
    room: number,
    roomId: transaction.roomId,
    version: rules.version,
    status,
    ...(status === 'accepted' ? {} : { reason }),
    before: before.id,
    after: after.id,
    ...(replaces === undefined ? {} : { replaces }),
    ...(placement.transaction === undefined ? {} : { transaction: placement.transaction }),
    ...(placement.incomplete ? { incomplete: true as const } : {}),
    pdu,
  }
}

/** A redaction is shown only where it applies; an event whose redaction came first is stored redacted, and shows it now. */
async function showWithRedactions(
  event: StoredEvent,
  { before, fresh }: Placement,
  position: number,
  transaction: RoomTransaction,
): Promise<void> {
  const { rules } = transaction.requireHead()
  if (isMergeEvent(event.pdu)) return transaction.putEvent(event)
  if (event.pdu.type === 'm.room.redaction') {
    const outcome = await applyRedaction(event.pdu, before, rules, transaction)
    if (outcome !== 'applied') return transaction.putEvent(event)
  }
  const early = fresh ? undefined : await findPendingRedaction(event.pdu, rules, transaction)
  if (!early) return showEvent({ ...event, order: position }, transaction)
  showEvent({ ...event, order: position, pdu: early.pdu, redactedBy: early.redaction.pdu.eventId }, transaction)
  showEvent({ ...early.redaction, order: transaction.position().position }, transaction)
}

/** Stores the event with its place in the timeline and among the relations. */
export function showEvent(event: StoredEvent & { readonly order: number }, transaction: RoomTransaction): void {
  const { pdu, room, order } = event
  transaction.putEvent(event)
  transaction.write(tables.timeline.put([room, order], pdu.eventId))
  const relation = relationOf(pdu)
  if (!relation) return
  const row = { eventId: pdu.eventId, relType: relation.relType, type: pdu.type }
  transaction.write(tables.relation.put([room, relation.target, order], row))
}

/** For an event made here: it stands on extremities only, and nobody knows it yet. */
function ownExtremities(pdu: Pdu, transaction: RoomTransaction): readonly EventId[] {
  const before = transaction.requireHead().extremities
  return [...before.filter((eventId) => !pdu.prevEvents.includes(eventId)), pdu.eventId]
}

async function currentState(
  extremities: readonly EventId[],
  transaction: RoomTransaction,
  resolve: ResolveStates,
): Promise<RoomState> {
  const events = await transaction.events(extremities)
  const tips = [...events].flatMap(([eventId, { after }]) => (after === undefined ? [] : [{ eventId, after }]))
  return resolveTips(tips, transaction, resolve)
}
