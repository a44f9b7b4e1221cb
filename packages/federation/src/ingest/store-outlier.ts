import { authOrder, type Ed25519, type EventId, type Pdu, type RoomVersionRules, stateSlot } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { StoredEvent } from '../store/event-store.ts'
import type { RoomNumber } from '../store/tables.ts'
import { completeEvent, completes } from './complete-event.ts'
import { noteCitations } from './note-citations.ts'
import { findPendingRedaction } from './redactions.ts'
import { checkByAuthEvents } from './step-4-auth-events.ts'

/** The room that outliers belong to; it need not have a DAG here yet. */
export interface OutlierRoom {
  readonly number: RoomNumber
  readonly rules: RoomVersionRules
  /** The room's create event, where it is known. There is no other. */
  readonly createId?: EventId | undefined
  /** Events come one by one into a room that is here: what will stand on them is noted. */
  readonly grows?: boolean
}

/** A room that has a DAG here, as outliers need it. */
export function outlierRoomOf(transaction: RoomTransaction): OutlierRoom {
  const { number, rules, state } = transaction.requireHead()
  return { number, rules, createId: state.map.get(CREATE), grows: true }
}

const CREATE = stateSlot('m.room.create', '')

/** `known`: what is stored of it already, where somebody has looked. */
export interface Outlier {
  readonly pdu: Pdu
  readonly incomplete?: boolean
  readonly known?: StoredEvent | undefined
}

/** Stores an event outside the DAG: without state, parents or place in the timeline. */
export async function storeOutlier(
  { pdu, incomplete, ...looked }: Outlier,
  verdict: { readonly status: 'outlier' } | { readonly status: 'rejected'; readonly reason: string },
  transaction: RoomTransaction,
  room: OutlierRoom = outlierRoomOf(transaction),
): Promise<Verdict> {
  const { eventId } = pdu
  const { number, rules } = room
  const event: StoredEvent = {
    ...{ room: number, roomId: transaction.roomId, version: rules.version, ...verdict, pdu },
    ...(incomplete ? { incomplete: true as const } : {}),
    ...(await noteCitations(pdu, number, transaction, { whole: room.grows !== true, ...looked })),
  }
  const early = transaction.head && (await findPendingRedaction(pdu, rules, transaction))
  transaction.putEvent(early ? { ...event, pdu: early.pdu, redactedBy: early.redaction.pdu.eventId } : event)
  return verdict.status === 'outlier'
    ? { kind: 'outlier', eventId }
    : { kind: 'rejected', eventId, reason: verdict.reason }
}

/**
 * Takes in an auth chain: each event is judged by its own auth events (step 4), those first, whatever order they come in. The
 * rejected are stored as such, so that what builds on them is rejected too; what lacks auth events is not stored.
 */
export async function storeOutliers(
  events: readonly CheckedPdu[],
  transaction: RoomTransaction,
  room: OutlierRoom,
  ed25519: Ed25519,
): Promise<ReadonlyMap<EventId, Verdict>> {
  const verdicts = new Map<EventId, Verdict>()
  const mine = events.filter(({ pdu, roomVersion }) => {
    const fits = pdu.roomId === transaction.roomId && roomVersion === room.rules.version
    if (!fits) verdicts.set(pdu.eventId, { kind: 'refused', eventId: pdu.eventId, reason: 'an event of another room' })
    return fits
  })
  const known = await transaction.events(mine.map(({ pdu }) => pdu.eventId))
  // Of two forms of one event in the list the whole one counts.
  const forms = new Map(mine.filter(({ redacted }) => redacted).map((one) => [one.pdu.eventId, one]))
  for (const one of mine) if (!one.redacted) forms.set(one.pdu.eventId, one)
  for (const { eventId } of createFirst(authOrder([...forms.values()].map(({ pdu }) => pdu)))) {
    const stored = known.get(eventId)
    const checked = forms.get(eventId) as CheckedPdu
    const isRejectedOutlier = stored?.status === 'rejected' && stored.after === undefined
    if (stored && !(isRejectedOutlier && completes(checked, stored))) {
      if (completes(checked, stored)) await completeEvent(stored, checked, transaction)
      verdicts.set(eventId, verdictOfKnown(stored))
    } else verdicts.set(eventId, await judgeOutlier(checked, stored, transaction, room, ed25519))
  }
  return verdicts
}

/** Version 12 names the create event by the room id and not among the auth events, so their order does not put it first. */
function createFirst(ordered: readonly Pdu[]): Pdu[] {
  const isCreate = (pdu: Pdu) => pdu.type === 'm.room.create'
  return [...ordered.filter(isCreate), ...ordered.filter((pdu) => !isCreate(pdu))]
}

async function judgeOutlier(
  { pdu, redacted: incomplete }: CheckedPdu,
  known: StoredEvent | undefined,
  transaction: RoomTransaction,
  room: OutlierRoom,
  ed25519: Ed25519,
): Promise<Verdict> {
  if (pdu.type === 'm.room.create' && room.createId !== undefined && pdu.eventId !== room.createId) {
    return storeOutlier({ pdu, incomplete, known }, { status: 'rejected', reason: 'create_second' }, transaction, room)
  }
  const result = await checkByAuthEvents(pdu, room.rules, transaction, ed25519)
  if (result.kind === 'missing') {
    return { kind: 'waiting', eventId: pdu.eventId, missingPrev: [], missingAuth: result.eventIds }
  }
  const verdict =
    result.kind === 'allowed'
      ? ({ status: 'outlier' } as const)
      : ({ status: 'rejected', reason: result.reason } as const)
  return storeOutlier({ pdu, incomplete, known }, verdict, transaction, room)
}

function verdictOfKnown(stored: StoredEvent): Verdict {
  const { eventId } = stored.pdu
  if (stored.status === 'rejected') return { kind: 'rejected', eventId, reason: stored.reason ?? 'rejected' }
  return { kind: 'duplicate', eventId }
}
