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
  const [first = new Map<StateSlot, EventId>(), ...others] = sets
  // What the sets hold in a slot, looked up once: in large states the look-ups are most of the work.
  const found: (EventId | undefined)[] = []
  const conflicted: EventId[] = []
  const bySet: EventId[][] = sets.map(() => [])
  const contend = (): void => {
    for (const [index, id] of found.entries()) {
      if (id === undefined) continue
      bySet[index]?.push(id)
      // An event stands in one slot of all states, so that it can be named twice here only.
      if (found.indexOf(id) === index) conflicted.push(id)
    }
  }
  for (const [slot, id] of first) {
    found[0] = id
    let isAgreed = true
    for (const [index, set] of others.entries()) {
      found[index + 1] = set.get(slot)
      if (found[index + 1] !== id) isAgreed = false
    }
    if (isAgreed) unconflicted.set(slot, id)
    else contend()
  }
  const beyondFirst = new Set<StateSlot>()
  for (const set of others) {
    for (const slot of set.keys()) {
      if (first.has(slot) || beyondFirst.has(slot)) continue
      beyondFirst.add(slot)
      found[0] = undefined
      for (const [index, other] of others.entries()) found[index + 1] = other.get(slot)
      contend()
    }
  }
  return { unconflicted, conflicted, conflictedBySet: distinct(bySet) }
}

/** Of sets that contribute the same one is left. Two different sets that conflict contribute different events. */
function distinct(bySet: readonly (readonly EventId[])[]): readonly (readonly EventId[])[] {
  if (bySet.length <= 2) return bySet
  return [...new Map(bySet.map((ids) => [ids.join('\n'), ids])).values()]
}
