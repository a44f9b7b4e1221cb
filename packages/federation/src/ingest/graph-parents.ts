import type { EventId, Pdu } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { StoredEvent } from '../store/event-store.ts'

/** Rejected events looked through for what an event stands on. */
const MAX_LOOKED_THROUGH = 200

/**
 * What an event stands on in the graph of events that are not rejected: its parents, and the parents of those that are rejected, since
 * a rejected event counts for nothing. What is missing here, or stands outside the DAG, is left out.
 */
export async function graphParents(pdu: Pdu, transaction: RoomTransaction): Promise<ReadonlyMap<EventId, StoredEvent>> {
  const found = new Map<EventId, StoredEvent>()
  const seen = new Set<EventId>(pdu.prevEvents)
  let frontier: readonly EventId[] = [...seen]
  while (frontier.length > 0 && seen.size < MAX_LOOKED_THROUGH) {
    const next: EventId[] = []
    for (const [eventId, event] of await transaction.events(frontier)) {
      if (event.after === undefined) continue
      if (event.status !== 'rejected') found.set(eventId, event)
      else next.push(...event.pdu.prevEvents.filter((parent) => !seen.has(parent)))
    }
    for (const eventId of next) seen.add(eventId)
    frontier = [...new Set(next)]
  }
  return found
}
