import { type EventId, MAX_PREV_EVENTS } from '@starling/protocol'

/**
 * `prev_events` of a new event: all forward extremities, or of more than 20 the ten newest, so that the event follows what
 * its author saw, and the ten oldest, so that none stays one for good. Each event then leaves nineteen fewer.
 */
export function chooseParents(extremities: readonly EventId[]): readonly EventId[] {
  if (extremities.length <= MAX_PREV_EVENTS) return extremities
  const half = MAX_PREV_EVENTS / 2
  return [...extremities.slice(0, half), ...extremities.slice(-half)]
}
