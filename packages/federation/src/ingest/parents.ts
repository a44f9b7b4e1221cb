import type { EventId, Pdu } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { ResolveStates } from '../state/resolve-states.ts'
import type { RoomState } from '../state/state-store.ts'

export type ParentsResult =
  | { readonly kind: 'known'; readonly before: RoomState }
  | { readonly kind: 'missing'; readonly eventIds: readonly EventId[] }
  | { readonly kind: 'foreign'; readonly reason: string }

/**
 * The state before an event: the resolution of the states after its parents. Parents that are not here, or only as outliers,
 * have no state and are missing; so are those that were laid down as history, whose states are guesses. A rejected parent has
 * one: the state before it.
 */
export async function stateBeforeEvent(
  pdu: Pdu,
  transaction: RoomTransaction,
  resolve: ResolveStates,
): Promise<ParentsResult> {
  if (pdu.prevEvents.length === 0)
    return { kind: 'foreign', reason: 'no parents, and not the event that made this room' }
  const head = transaction.requireHead()
  const parents = await transaction.events(pdu.prevEvents)
  const missing: EventId[] = []
  const states = new Map<number, RoomState>()
  for (const eventId of pdu.prevEvents) {
    const parent = parents.get(eventId)
    if (parent && parent.room !== head.number) return { kind: 'foreign', reason: 'a parent of another room' }
    if (parent?.after === undefined || parent.approximate) missing.push(eventId)
    else if (!states.has(parent.after)) states.set(parent.after, await transaction.state(parent.after))
  }
  if (missing.length > 0) return { kind: 'missing', eventIds: missing }
  return { kind: 'known', before: await resolve(transaction, [...states.values()]) }
}
