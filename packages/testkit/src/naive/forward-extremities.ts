import { naiveAuthorise } from './authorisation-rules.ts'
import { eventFor, type NaiveEvent, type NaiveState, tupleOf } from './event.ts'
import type { NaiveRoom } from './room-state.ts'

/** As many states as the definition follows before those that were seen decide together. */
const ROUNDS = 8

/**
 * The forward extremities of a whole set of events, by `docs/decisions/0017`: the rim that the room's own current state leaves of the
 * graph of events that are not rejected. Access control lists are not looked at. Empty where there are no events.
 */
export function naiveForwardExtremities(room: NaiveRoom): ReadonlySet<string> {
  const graph = new Map(
    [...room.events.keys()].filter((id) => !room.rejected.has(id)).map((id) => [id, parents(id, room)]),
  )
  const standingOn = (id: string) => [...graph.keys()].filter((other) => graph.get(other)?.has(id))
  const leaves = new Set([...graph.keys()].filter((id) => standingOn(id).length === 0))

  /** What is left at the rim once all is taken off that one of the states refuses and on which nothing is left. */
  const rim = (states: readonly NaiveState[]): ReadonlySet<string> => {
    const gone = new Set<string>()
    const isBare = (id: string) => !gone.has(id) && standingOn(id).every((other) => gone.has(other))
    for (let found = true; found; ) {
      found = false
      for (const id of graph.keys()) {
        if (!isBare(id) || states.every((state) => allows(state, eventFor(id, room.events), room))) continue
        gone.add(id)
        found = true
      }
    }
    const left = [...graph.keys()].filter(isBare)
    return left.length > 0 ? new Set(left) : leaves
  }

  const seen: ReadonlySet<string>[] = []
  for (let tips: ReadonlySet<string> = leaves; ; ) {
    seen.push(tips)
    const next = rim([room.stateAfter(tips)])
    if (next.symmetricDifference(tips).size === 0) return tips
    const before = seen.findIndex((one) => one.symmetricDifference(next).size === 0)
    if (before !== -1) return rim(seen.slice(before).map((one) => room.stateAfter(one)))
    if (seen.length === ROUNDS) return rim(seen.map((one) => room.stateAfter(one)))
    tips = next
  }
}

/** What an event stands on: its previous events, or, where one is rejected, those before it. */
function parents(id: string, room: NaiveRoom): ReadonlySet<string> {
  const before = eventFor(id, room.events).prevEvents
  return new Set(before.flatMap((one) => (room.rejected.has(one) ? [...parents(one, room)] : [one])))
}

/** Server-server API, "Soft failure", by a state without what the event itself has done to it. */
function allows(state: NaiveState, event: NaiveEvent, room: NaiveRoom): boolean {
  const without = new Map(state)
  if (event.stateKey !== undefined && state.get(tupleOf(event))?.eventId === event.eventId) {
    const replaced = room.outcome(event.eventId).stateBefore.get(tupleOf(event))
    if (replaced) without.set(tupleOf(event), replaced)
    else without.delete(tupleOf(event))
  }
  return naiveAuthorise(event, without, room.roomVersion, room.events, room.rejected).allowed
}
