import { stateSlot } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { PersistentMap } from '../state/persistent-map.ts'
import type { RoomState } from '../state/state-store.ts'
import { type IngestOptions, type IngestParts, ingestPdu } from './ingest-pdu.ts'
import { noteReported } from './reported-rooms.ts'
import { reportedState } from './reported-state.ts'
import { outlierRoomOf, storeOutliers } from './store-outlier.ts'

/**
 * Lets an event in whose parents nobody gives: the state before it is the resolution of what a member reports (`state_ids`)
 * and of the states after those parents that are here. Every reported event is judged by its own auth events first.
 */
export async function ingestWithState(
  checked: CheckedPdu,
  stateBefore: readonly CheckedPdu[],
  authChain: readonly CheckedPdu[],
  transaction: RoomTransaction,
  parts: IngestParts,
  options: Pick<IngestOptions, 'softFail'> = {},
): Promise<Verdict> {
  const { eventId, prevEvents } = checked.pdu
  const { head } = transaction
  if (!head?.servers.has(parts.serverName)) return { kind: 'refused', eventId, reason: 'the room is not joined here' }
  const room = outlierRoomOf(transaction)
  const verdicts = await storeOutliers([...authChain, ...stateBefore], transaction, room, parts.ed25519)
  const map = reportedState(stateBefore, verdicts)
  if (map.get(stateSlot('m.room.create', '')) !== room.createId) {
    transaction.discard()
    return { kind: 'refused', eventId, reason: 'the reported state is of another room' }
  }
  const states: RoomState[] = [transaction.deriveState(head.state, head.state.map.changesTo(PersistentMap.from(map)))]
  for (const parent of (await transaction.events(prevEvents)).values()) {
    if (parent.after !== undefined && !parent.approximate && parent.room === head.number)
      states.push(await transaction.state(parent.after))
  }
  const before = await parts.resolve(transaction, states)
  noteReported(transaction)
  const verdict = await ingestPdu(checked, transaction, parts, { ...options, before })
  if (verdict.kind === 'refused' || verdict.kind === 'duplicate') transaction.discard()
  if (verdict.kind !== 'rejected') return verdict
  // Others' word is no ground to reject it for good: it may come again, once its parents are here or with better word.
  transaction.discard()
  return { kind: 'refused', eventId, reason: `not allowed by the state that was reported: ${verdict.reason}` }
}
