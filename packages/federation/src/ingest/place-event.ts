import { type Ed25519, type Pdu, parseUserId, type ServerName, serverOf, stateSlot } from '@starling/protocol'
import type { Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomWatchers } from '../room/room-watchers.ts'
import type { ResolveStates } from '../state/resolve-states.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { type TransactionName, tables } from '../store/tables.ts'
import { changeCurrentState } from './current-state.ts'
import { changeExtremities, hasChild, leavesWith, moveBackwardExtremities } from './extremities.ts'
import { isMergeEvent } from './merge-event.ts'
import { noteCitations } from './note-citations.ts'
import { applyRedaction, findPendingRedaction } from './redactions.ts'
import { relationOf } from './relations.ts'
import { revivable } from './revivable.ts'
import { settleExtremities } from './settle-extremities.ts'
import { checkByCurrentState, isServerAllowed } from './step-6-current-state.ts'

/** A PDU with its verdict and the state before it: what `placeEvent` writes down. */
export interface Placement {
  readonly pdu: Pdu
  /** `pdu` is the redacted form of an event whose hash did not match. */
  readonly incomplete?: boolean
  readonly before: RoomState
  /** `accepted`: by all checks that need no current state. */
  readonly status: 'accepted' | 'rejected'
  readonly reason?: string
  /** The policy server does not recommend it. */
  readonly barred?: boolean
  /** Made and judged here just now: nobody can have named it yet, and its parents are known. */
  readonly fresh?: boolean
  /** Gets an outbox row, unless no other server is in the room. */
  readonly publish?: boolean
  readonly transaction?: TransactionName
}

export interface PlaceParts {
  readonly resolve: ResolveStates
  readonly ed25519: Ed25519
  readonly watchers: RoomWatchers
  /** This server. */
  readonly serverName: ServerName
}

/**
 * Puts an event into the DAG with everything that follows from it, in the transaction's one batch. What is not rejected is
 * accepted if the extremities that the room has with it let it be, else soft-failed. An event made here has been judged.
 */
export async function placeEvent(
  placement: Placement,
  transaction: RoomTransaction,
  parts: PlaceParts,
): Promise<Verdict> {
  const { pdu, status, reason = status, fresh = false } = placement
  const { eventId } = pdu
  const { number } = transaction.requireHead()
  const late = !fresh && status !== 'rejected' && (await hasChild(eventId, transaction))
  const tracked = await noteCitations(pdu, number, transaction)
  const event: StoredEvent = { ...eventOf(placement, transaction), ...tracked, ...(late ? { late } : {}) }
  transaction.putEvent(event)
  if (status === 'rejected') {
    await moveBackwardExtremities(pdu, status, transaction)
    return { kind: status, eventId, reason }
  }
  const before = transaction.requireHead()
  const state = await settle(event, transaction, parts)
  const refusal = fresh ? undefined : await refusalOf(event, state, transaction, parts)
  if (!fresh) await moveBackwardExtremities(pdu, refusal === undefined ? 'accepted' : 'soft-failed', transaction)
  if (refusal !== undefined) transaction.putEvent({ ...event, status: 'soft-failed', reason: refusal })
  const revived = await revivable(before, refusal === undefined ? event : undefined, state, transaction, parts)
  if (refusal !== undefined && state.id === before.state.id && revived.length === 0) {
    return { kind: 'soft-failed', eventId, reason: refusal }
  }
  for (const one of revived) await show(one, transaction, parts)
  const place = transaction.position()
  if (refusal === undefined) {
    // One of the revived may have redacted it.
    const shown = (await transaction.event(eventId)) ?? event
    await showWithRedactions(shown, placement, place.position, transaction)
  }
  transaction.head = { ...transaction.requireHead(), lastChange: place.position }
  await changeCurrentState(transaction, state, place)
  if (refusal !== undefined) return { kind: 'soft-failed', eventId, reason: refusal }
  publish(placement, before.servers, place.position, transaction, parts)
  transaction.afterwards(() => parts.watchers.accepted(transaction.roomId, pdu))
  return { kind: 'accepted', eventId, position: place.position }
}

/** The room's extremities with the event in the DAG. @returns the current state by them */
async function settle(event: StoredEvent, transaction: RoomTransaction, parts: PlaceParts): Promise<RoomState> {
  const leaves = await leavesWith(event, transaction)
  const after = event.after === undefined ? undefined : await transaction.state(event.after)
  if (after && leaves.length === 1 && !event.barred && !event.late) {
    // The usual case: the event stands on everything there is, and the state before it has let it.
    if (await isServerAllowed(event, after.map, transaction)) {
      await changeExtremities(leaves, new Set(leaves), transaction)
      return after
    }
  }
  const { live, state } = await settleExtremities(leaves, transaction, parts)
  await changeExtremities(leaves, live, transaction)
  return state
}

async function refusalOf(
  event: StoredEvent,
  state: RoomState,
  transaction: RoomTransaction,
  { ed25519 }: PlaceParts,
): Promise<string | undefined> {
  const { extremities, dead } = transaction.requireHead()
  const { eventId } = event.pdu
  if (extremities.includes(eventId)) return undefined
  const verdict = await checkByCurrentState(event, state, transaction, ed25519)
  if (!verdict.allowed) return verdict.code
  return dead.includes(eventId) ? 'refused_in_turn' : undefined
}

/** Soft-failed events that the current state lets in and that stand at the extremities again: they are shown now. */
export async function show(event: StoredEvent, transaction: RoomTransaction, { watchers }: PlaceParts): Promise<void> {
  const { reason: _, ...rest } = event
  const { pdu } = event
  const accepted: StoredEvent = { ...rest, status: 'accepted' }
  transaction.putEvent(accepted)
  await moveBackwardExtremities(pdu, 'accepted', transaction)
  if (event.before === undefined) return
  const before = await transaction.state(event.before)
  await showWithRedactions(accepted, { before }, transaction.position().position, transaction)
  transaction.afterwards(() => watchers.accepted(transaction.roomId, pdu))
}

function publish(
  { pdu, publish = false }: Placement,
  serversBefore: ReadonlyMap<ServerName, number>,
  position: number,
  transaction: RoomTransaction,
  { watchers, serverName }: PlaceParts,
): void {
  const { roomId } = transaction
  // Those who were there before hear of it too: it may be what removed them.
  const audience = [serversBefore, transaction.requireHead().servers]
  if (!publish || !(audience.some((servers) => holdsOther(servers, serverName)) || removesOther(pdu, serverName)))
    return
  transaction.write(tables.outbox.put([position], { eventId: pdu.eventId, roomId }))
  transaction.afterwards(() => watchers.localEvent(roomId, pdu))
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
    ...(placement.barred ? { barred: true as const } : {}),
    ...(placement.incomplete ? { incomplete: true as const } : {}),
    pdu,
  }
}

/** A redaction is shown only where it applies; an event whose redaction came first is stored redacted, and shows it now. */
async function showWithRedactions(
  event: StoredEvent,
  { before, fresh }: Pick<Placement, 'before' | 'fresh'>,
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
