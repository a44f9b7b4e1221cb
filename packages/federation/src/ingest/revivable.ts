import { type Ed25519, type EventId, topologicalOrder } from '@starling/protocol'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { graphParents } from './graph-parents.ts'
import { checkByCurrentState } from './step-6-current-state.ts'

/** Soft-failed events looked at below one event; older ones stay as they are. */
const MAX_REVIVED = 1_000

/**
 * The soft-failed events, oldest first, that the change of extremities brings back: those among and behind what is an extremity
 * now and was none before, and behind the event that has just been `accepted`, where the current state allows them. What an
 * accepted event stands on and the state refuses stays soft-failed.
 */
export async function revivable(
  before: RoomHead,
  accepted: StoredEvent | undefined,
  state: RoomState,
  transaction: RoomTransaction,
  { ed25519 }: { readonly ed25519: Ed25519 },
): Promise<readonly StoredEvent[]> {
  const known = new Set(before.extremities)
  const now = await transaction.events(transaction.requireHead().extremities.filter((eventId) => !known.has(eventId)))
  const open = [...now.values()].filter(({ status }) => status === 'soft-failed')
  const seen = new Set<EventId>(open.map(({ pdu }) => pdu.eventId))
  const found: StoredEvent[] = []
  for (let event = accepted ?? open.pop(); event && seen.size <= MAX_REVIVED; event = open.pop()) {
    if (event !== accepted && (await checkByCurrentState(event, state, transaction, ed25519)).allowed) found.push(event)
    for (const [eventId, parent] of await graphParents(event.pdu, transaction)) {
      if (parent.status !== 'soft-failed' || seen.has(eventId)) continue
      seen.add(eventId)
      open.push(parent)
    }
  }
  return parentsFirst(found)
}

function parentsFirst(events: readonly StoredEvent[]): readonly StoredEvent[] {
  if (events.length < 2) return events
  const byId = new Map(events.map((event) => [event.pdu.eventId, event]))
  return topologicalOrder(events.map(({ pdu }) => pdu)).flatMap(({ eventId }) => byId.get(eventId) ?? [])
}
