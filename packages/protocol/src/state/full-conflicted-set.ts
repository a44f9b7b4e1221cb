import type { EventId } from '../ids/branded.ts'
import type { StateResolution } from '../rooms/rules.ts'
import { authDifferenceIn } from './auth-difference.ts'
import { type AuthGraph, authGraphOf, numbersIn } from './auth-graph.ts'
import type { Conflicts } from './conflicts.ts'
import type { EventSource } from './event-source.ts'

/**
 * Room versions, "Full conflicted set": the conflicted state set, the auth difference and, from version 12 on, the conflicted
 * state subgraph. `graph` holds the auth chains of the conflicted events. One flag per number.
 */
export function fullConflictedSet(
  conflicts: Conflicts,
  graph: AuthGraph,
  source: EventSource,
  algorithm: StateResolution,
): Uint8Array {
  const { conflicted, sets } = numbersOfConflicts(conflicts, graph)
  const full = new Uint8Array(graph.ids.length)
  for (const number of conflicted) full[number] = 1
  for (const number of differenceOf(conflicts, sets, graph, source)) full[number] = 1
  if (algorithm === 'v2.1') markConflictedSubgraph(conflicted, graph, full)
  return full
}

/** The conflicted events by number, each looked up once. */
export function numbersOfConflicts(
  conflicts: Conflicts,
  graph: AuthGraph,
): { readonly conflicted: readonly number[]; readonly sets: readonly (readonly number[])[] } {
  const sets = conflicts.conflictedBySet.map((ids) => numbersIn(graph, ids))
  return { conflicted: sets.flat(), sets }
}

/**
 * Unconflicted events are in every set, so whatever authorises them is in every chain: they can only take events out of the
 * difference. Their chains, most of the room, are walked only if there is something to take out.
 */
function differenceOf(
  conflicts: Conflicts,
  sets: readonly (readonly number[])[],
  graph: AuthGraph,
  source: EventSource,
): Iterable<number> {
  const difference = new Set(authDifferenceIn(graph, sets))
  if (difference.size === 0) return difference
  const common = authGraphOf(conflicts.unconflicted.values(), source)
  // Numbers rise from auth events to what they authorise, so every event that authorises another is met as one's auth event.
  for (const auth of new Set(common.auths.subarray(0, common.authStart.at(-1)))) {
    const number = graph.numberOf(common.ids[auth] as EventId)
    if (number !== undefined) difference.delete(number)
  }
  return difference
}

/**
 * Room versions, "Conflicted state subgraph": flags the events on a path of `auth_events` from one conflicted event to another, ends
 * included.
 */
export function markConflictedSubgraph(conflicted: readonly number[], graph: AuthGraph, flags: Uint8Array): void {
  const { auths, authStart } = graph
  // Everything in `graph` is reached from a conflicted event; what is left to ask is what reaches one.
  const reaches = new Uint8Array(graph.ids.length)
  for (const number of conflicted) reaches[number] = 1
  for (let number = 0; number < reaches.length; number++) {
    const end = authStart[number + 1] as number
    for (let edge = authStart[number] as number; reaches[number] === 0 && edge < end; edge++) {
      if (reaches[auths[edge] as number] === 1) reaches[number] = 1
    }
    if (reaches[number] === 1) flags[number] = 1
  }
}
