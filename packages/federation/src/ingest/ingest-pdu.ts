import type { EventId, Pdu } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { betterForm, completeEvent, completes } from './complete-event.ts'
import { stateBeforeEvent } from './parents.ts'
import { type Placement, type PlaceParts, placeEvent } from './place-event.ts'
import { checkByAuthEvents } from './step-4-auth-events.ts'
import { checkByState } from './step-5-state-before.ts'
import { storeOutlier } from './store-outlier.ts'

export type IngestParts = PlaceParts

export interface IngestOptions {
  readonly publish?: boolean
  /** What is not accepted leaves nothing behind. */
  readonly onlyAccepted?: boolean
  /** Why it is to be soft-failed whatever the rules say (policy server). */
  readonly softFail?: string | undefined
  /** State before the event as a member reports it, where its parents are not to be had. */
  readonly before?: RoomState
}

/**
 * Steps 4 and 5 of "Checks performed on receipt of a PDU", and what follows from them (step 6 among it, in `placeEvent`). Everything is in the
 * transaction's batch; `waiting`, `duplicate` and `refused` leave it empty.
 */
export async function ingestPdu(
  checked: CheckedPdu,
  transaction: RoomTransaction,
  parts: IngestParts,
  options: IngestOptions = {},
): Promise<Verdict> {
  const { eventId } = checked.pdu
  const refusal = refusalOf(checked, transaction, parts)
  if (refusal !== undefined) return { kind: 'refused', eventId, reason: refusal }
  const known = await transaction.event(eventId)
  if (known?.after !== undefined && !isToBeJudgedAgain(checked, known)) {
    if (completes(checked, known)) await completeEvent(known, checked, transaction)
    return { kind: 'duplicate', eventId }
  }
  const { pdu, incomplete } = betterForm(checked, known)
  const { rules } = transaction.requireHead()

  const byAuthEvents = await checkByAuthEvents(pdu, rules, transaction, parts.ed25519)
  const parents = options.before
    ? ({ kind: 'known', before: options.before } as const)
    : await stateBeforeEvent(pdu, transaction, parts.resolve)
  if (parents.kind === 'foreign') return { kind: 'refused', eventId, reason: parents.reason }
  if (byAuthEvents.kind === 'rejected' && options.onlyAccepted) {
    return { kind: 'rejected', eventId, reason: byAuthEvents.reason }
  }
  if (byAuthEvents.kind === 'rejected' && parents.kind === 'missing') {
    // Rejected whatever its parents are. Without them it has no place in the DAG: kept so that it is not asked about again.
    return storeOutlier({ pdu, incomplete }, { status: 'rejected', reason: byAuthEvents.reason }, transaction)
  }
  if (byAuthEvents.kind === 'missing' || parents.kind === 'missing') {
    const missingAuth = byAuthEvents.kind === 'missing' ? byAuthEvents.eventIds : []
    return waiting(eventId, parents.kind === 'missing' ? parents.eventIds : [], missingAuth)
  }
  const rejection =
    byAuthEvents.kind === 'rejected'
      ? byAuthEvents.reason
      : await byStateBefore(pdu, parents.before, transaction, parts)
  const placement: Placement = {
    ...{ pdu, incomplete, before: parents.before },
    ...{ publish: options.publish === true, barred: options.softFail !== undefined },
    ...(rejection === undefined ? { status: 'accepted' } : { status: 'rejected', reason: rejection }),
  }
  const verdict = await placeEvent(placement, transaction, parts)
  // Also the resolution of its parents, which may have been stored as a state: nothing refers to that now.
  if (verdict.kind !== 'accepted' && options.onlyAccepted) transaction.discard()
  return verdict
}

/** Step 5. @returns why it is rejected */
async function byStateBefore(
  pdu: Pdu,
  before: RoomState,
  transaction: RoomTransaction,
  { ed25519 }: IngestParts,
): Promise<string | undefined> {
  const verdict = await checkByState(pdu, before.map, transaction.requireHead().rules, transaction, ed25519)
  return verdict.allowed ? undefined : verdict.code
}

/** Rejected for want of what its redacted form does not say (before version 9 who let a restricted join in, for one). */
function isToBeJudgedAgain(checked: CheckedPdu, known: StoredEvent): boolean {
  return known.status === 'rejected' && completes(checked, known)
}

function refusalOf(checked: CheckedPdu, transaction: RoomTransaction, parts: IngestParts): string | undefined {
  const { head } = transaction
  if (!head?.servers.has(parts.serverName)) return 'the room is not joined here'
  if (checked.pdu.roomId !== head.roomId) return 'an event of another room'
  if (checked.roomVersion !== head.rules.version) return 'checked by the rules of another room version'
  return undefined
}

function waiting(eventId: EventId, missingPrev: readonly EventId[], missingAuth: readonly EventId[]): Verdict {
  return { kind: 'waiting', eventId, missingPrev, missingAuth }
}
