import { type EventId, type StateSlot, stateSlot } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../contracts.ts'

/**
 * State as another server reports it, after its events have been judged one by one: those that were rejected, that lack
 * their auth events, or that are no state at all are left out. Of two in one slot the first counts.
 */
export function reportedState(
  state: readonly CheckedPdu[],
  verdicts: ReadonlyMap<EventId, Verdict>,
): Map<StateSlot, EventId> {
  const map = new Map<StateSlot, EventId>()
  for (const { pdu } of state) {
    const kind = verdicts.get(pdu.eventId)?.kind
    if (pdu.stateKey === undefined || (kind !== 'outlier' && kind !== 'duplicate')) continue
    const slot = stateSlot(pdu.type, pdu.stateKey)
    if (!map.has(slot)) map.set(slot, pdu.eventId)
  }
  return map
}
