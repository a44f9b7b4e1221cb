import { eventFor, idIsLess, type NaiveEvent, type NaiveEvents, stateOf } from './event.ts'
import { createOf, powerLevelOf } from './power-levels.ts'

/**
 * "Reverse topological power ordering": Kahn's algorithm over the graph that `auth_events` form among the given events, taking at
 * each step the smallest event of those whose auth events have all been taken.
 */
export function reverseTopologicalPowerOrdering(
  set: ReadonlySet<NaiveEvent>,
  events: NaiveEvents,
  version: number,
): readonly NaiveEvent[] {
  const left = new Set(set)
  const ordered: NaiveEvent[] = []
  while (left.size > 0) {
    const candidates = [...left].filter((event) => !event.authEvents.some((id) => left.has(eventFor(id, events))))
    const smallest = candidates.reduce((best, event) => (isLess(event, best, events, version) ? event : best))
    left.delete(smallest)
    ordered.push(smallest)
  }
  return ordered
}

function isLess(x: NaiveEvent, y: NaiveEvent, events: NaiveEvents, version: number): boolean {
  const [powerOfX, powerOfY] = [senderPower(x, events, version), senderPower(y, events, version)]
  if (powerOfX !== powerOfY) return powerOfX > powerOfY
  if (x.originServerTs !== y.originServerTs) return x.originServerTs < y.originServerTs
  return idIsLess(x.eventId, y.eventId)
}

/** The sender's power level "when looking at their respective `auth_event`s". */
function senderPower(event: NaiveEvent, events: NaiveEvents, version: number): number {
  const state = stateOf(event.authEvents.map((id) => eventFor(id, events)))
  return powerLevelOf(event.sender, state, createOf(event.roomId, state, events, version), version)
}
