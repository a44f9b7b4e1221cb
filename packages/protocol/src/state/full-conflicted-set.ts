import type { EventId } from '../ids/branded.ts'
import type { StateResolution } from '../rooms/rules.ts'
import { authDifferenceIn } from './auth-difference.ts'
import { type AuthGraph, authGraphOf } from './auth-graph.ts'
import type { Conflicts } from './conflicts.ts'
import type { EventSource } from './event-source.ts'

/**
 * Room versions, "Full conflicted set": the conflicted state set, the auth difference and, from version 12 on, the conflicted
 * state subgraph. `graph` holds the auth chains of the conflicted events.
 */
export function fullConflictedSet(
  conflicts: Conflicts,
  graph: AuthGraph,
  source: EventSource,
  algorithm: StateResolution,
): Set<EventId> {
  const full = new Set(conflicts.conflicted)
  for (const id of differenceOf(conflicts, graph, source)) full.add(id)
  if (algorithm === 'v2.1') for (const id of conflictedSubgraph(conflicts.conflicted, graph)) full.add(id)
  return full
}

/**
 * Unconflicted events are in every set, so whatever authorises them is in every chain: they can only take events out of the
 * difference. Their chains, most of the room, are walked only if there is something to take out.
 */
function differenceOf(conflicts: Conflicts, graph: AuthGraph, source: EventSource): Set<EventId> {
  const difference = authDifferenceIn(graph, conflicts.conflictedBySet)
  if (difference.size === 0) return difference
  const common = authGraphOf(conflicts.unconflicted.values(), source)
  // Numbers rise from auth events to what they authorise, so every event that authorises another is met as one's auth event.
  for (const auth of common.authOf) for (const number of auth) difference.delete(common.ids[number] as EventId)
  return difference
}

/** Room versions, "Conflicted state subgraph": events on a path of `auth_events` from one conflicted event to another, ends included. */
export function conflictedSubgraph(conflicted: readonly EventId[], graph: AuthGraph): Set<EventId> {
  // Everything in `graph` is reached from a conflicted event; what is left to ask is what reaches one.
  const starts = new Set(conflicted)
  const reaches = new Uint8Array(graph.ids.length)
  const subgraph = new Set<EventId>()
  graph.ids.forEach((id, number) => {
    if (!starts.has(id) && !(graph.authOf[number] ?? []).some((auth) => reaches[auth] === 1)) return
    reaches[number] = 1
    subgraph.add(id)
  })
  return subgraph
}
