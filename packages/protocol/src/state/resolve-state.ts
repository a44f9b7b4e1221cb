import type { EventId } from '../ids/branded.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { type AuthGraph, authGraphOf } from './auth-graph.ts'
import { type Conflicts, splitConflicts } from './conflicts.ts'
import { ContendedEvents } from './contended-events.ts'
import type { EventSource } from './event-source.ts'
import { fullConflictedSet } from './full-conflicted-set.ts'
import { PartialState, type ResolveOptions } from './iterative-auth.ts'
import { mainlineOrder } from './mainline-order.ts'
import { powerEventsWithAuth, reverseTopologicalPowerOrder } from './power-order.ts'
import { resolveStateV1 } from './resolve-state-v1.ts'
import type { StateMap, StateSlot } from './state-map.ts'

/**
 * The resolution of a set of room states: algorithm 1 (room version 1), 2 (versions 2 to 11) or 2.1 (12), "State resolution" of the room version.
 * The outcome depends on neither the order of the sets nor that of their entries. Linear in the auth chains of the
 * conflicted events, plus one authorisation per event of the full conflicted set.
 *
 * `source` must have the conflicted events, the auth chains of all the state, and for version 12 the create event;
 * `resolveDifferingStates` loads just what is needed.
 */
export function resolveState(
  stateSets: readonly StateMap[],
  source: EventSource,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Map<StateSlot, EventId> {
  if (rules.stateResolution === 'v1') return resolveStateV1(stateSets, source, rules, options)
  const conflicts = splitConflicts(stateSets)
  if (conflicts.conflicted.length === 0) return conflicts.unconflicted
  const graph = authGraphOf(conflicts.conflicted, source)
  const full = fullConflictedSet(conflicts, graph, source, rules.stateResolution)
  return resolveConflicts({ conflicts, graph, full }, source, rules, options)
}

/** What there is to resolve: the split of the sets, the auth chains of what conflicts, and the full conflicted set. */
export interface Contention {
  readonly conflicts: Conflicts
  readonly graph: AuthGraph
  /** One flag per number of the graph. */
  readonly full: Uint8Array
}

/** Steps 1 to 5 of the algorithm. */
export function resolveConflicts(
  { conflicts, graph, full }: Contention,
  source: EventSource,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Map<StateSlot, EventId> {
  const contended = new ContendedEvents(graph, full)
  // 1
  const power = powerEventsWithAuth(contended)
  const powerOrder = reverseTopologicalPowerOrder(power, contended, source, rules)
  // 2. Version 2.1 begins with nothing, so that what is unconflicted cannot outvote what it never saw.
  const base: StateMap = rules.stateResolution === 'v2.1' ? new Map() : conflicts.unconflicted
  const partial = new PartialState(base, contended, source, rules, options)
  partial.check(powerOrder)
  // 3
  const rest: number[] = []
  contended.isFull.forEach((is, number) => {
    if (is === 1 && power[number] === 0) rest.push(number)
  })
  const restOrder = mainlineOrder(rest, contended, partial.holder('m.room.power_levels', ''), source)
  // 4
  partial.check(restOrder)
  // 5
  const state = new Map(partial.entries())
  for (const [slot, id] of conflicts.unconflicted) state.set(slot, id)
  return state
}
