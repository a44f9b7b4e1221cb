import type { NaiveEvent, NaiveState } from './event.ts'

/** "Unconflicted state map and conflicted state set" of versions 2 and up. */
export function divide(states: readonly NaiveState[]): {
  readonly unconflicted: NaiveState
  readonly conflicted: ReadonlySet<NaiveEvent>
} {
  const unconflicted = new Map<string, NaiveEvent>()
  const conflicted = new Set<NaiveEvent>()
  for (const state of states) {
    for (const [key, event] of state) {
      if (states.every((other) => other.get(key)?.eventId === event.eventId)) unconflicted.set(key, event)
      else conflicted.add(event)
    }
  }
  return { unconflicted, conflicted }
}
