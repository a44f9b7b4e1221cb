import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'

/**
 * Forward extremities after an accepted event: its parents cease to be ends and it becomes one, unless an accepted event
 * already has it as a parent (history that came late). Soft-failed and rejected events change nothing: do not call it
 * for them.
 */
export function nextForwardExtremities(
  current: ReadonlySet<EventId>,
  event: Pick<Pdu, 'eventId' | 'prevEvents'>,
  hasAcceptedChild = false,
): Set<EventId> {
  const next = new Set(current)
  for (const parent of event.prevEvents) next.delete(parent)
  if (!hasAcceptedChild) next.add(event.eventId)
  return next
}

/** Depth of an event with these parents: one more than the deepest, at most 2^53−1. PDU schema, `depth`. */
export function depthAfter(parents: Iterable<Pick<Pdu, 'depth'>>): number {
  let deepest = 0
  for (const { depth } of parents) deepest = Math.max(deepest, depth)
  return Math.min(deepest + 1, Number.MAX_SAFE_INTEGER)
}
