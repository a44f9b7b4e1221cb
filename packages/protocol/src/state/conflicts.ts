import type { EventId } from '../ids/branded.ts'
import type { StateMap, StateSlot } from './state-map.ts'

/** Room versions, "Unconflicted state map and conflicted state set". */
export interface Conflicts {
  readonly unconflicted: Map<StateSlot, EventId>
  /** The conflicted state set, in no order that means anything. */
  readonly conflicted: readonly EventId[]
  /** What each set contributes to it; sets that contribute the same are one. */
  readonly conflictedBySet: readonly (readonly EventId[])[]
}

export function splitConflicts(stateSets: readonly StateMap[]): Conflicts {
  const sets = [...new Set(stateSets)]
  const unconflicted = new Map<StateSlot, EventId>()
  const conflictedSlots = new Set<StateSlot>()
  const [first = new Map<StateSlot, EventId>(), ...others] = sets
  for (const [slot, id] of first) {
    if (others.every((set) => set.get(slot) === id)) unconflicted.set(slot, id)
    else conflictedSlots.add(slot)
  }
  for (const set of others) {
    for (const slot of set.keys()) if (!unconflicted.has(slot)) conflictedSlots.add(slot)
  }
  const bySet = new Map<string, readonly EventId[]>()
  const conflicted = new Set<EventId>()
  for (const set of sets) {
    const ids = [...conflictedSlots].flatMap((slot) => set.get(slot) ?? [])
    for (const id of ids) conflicted.add(id)
    // Two different sets that conflict contribute different events.
    bySet.set(sets.length > 2 ? ids.join('\n') : String(bySet.size), ids)
  }
  return { unconflicted, conflicted: [...conflicted], conflictedBySet: [...bySet.values()] }
}
