import { authTypesFor } from '../auth/select-auth-events.ts'
import type { EventId } from '../ids/branded.ts'
import { createIdOfRoom } from '../ids/room-id.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { authDifferenceIn } from './auth-difference.ts'
import { authGraphOf } from './auth-graph.ts'
import { splitConflicts } from './conflicts.ts'
import { markConflictedSubgraph, numbersOfConflicts } from './full-conflicted-set.ts'
import type { ResolveOptions } from './iterative-auth.ts'
import { type LoadEvents, LoadedEvents } from './loaded-events.ts'
import { authEventOf } from './power-order.ts'
import { resolveConflicts } from './resolve-state.ts'
import { resolveStateV1 } from './resolve-state-v1.ts'
import { type StateMap, type StateSlot, stateSlot } from './state-map.ts'

const POWER_LEVELS = stateSlot('m.room.power_levels', '')

/** States told by what differs between them, so that a large room in which little differs costs little. */
export interface DifferingStates {
  /** Each state, cut down to the slots that are not the same in all of them. */
  readonly sets: readonly StateMap[]
  /** The event that all states have in a slot; undefined where they differ. */
  agreed(slot: StateSlot): EventId | undefined
  /** Those of these events that are in the auth chain of any event on which all states agree. */
  authorisingAgreed(ids: ReadonlySet<EventId>): Promise<ReadonlySet<EventId>>
}

/**
 * `resolveState` for states of which most is the same: the outcome in the slots that differ (absent: empty) and in
 * slots that no state had. All other slots keep what the states agree on. Loads the auth chains of what differs and
 * single events, never what is common. Rejects only as `load` and `authorisingAgreed` do.
 */
export async function resolveDifferingStates(
  states: DifferingStates,
  load: LoadEvents,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Promise<Map<StateSlot, EventId>> {
  const loaded = new LoadedEvents(load)
  const outcome =
    rules.stateResolution === 'v1'
      ? await resolveDifferingV1(states, loaded, rules, options)
      : await resolveDifferingV2(states, loaded, rules, options)
  for (const slot of [...outcome.keys()]) if (states.agreed(slot) !== undefined) outcome.delete(slot)
  return outcome
}

async function resolveDifferingV1(
  states: DifferingStates,
  loaded: LoadedEvents,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Promise<Map<StateSlot, EventId>> {
  const conflicted = new Set(states.sets.flatMap((set) => [...set.values()]))
  await loaded.add(conflicted)
  const agreed = agreedFor(conflicted, states, loaded, rules)
  await loaded.add(agreed.values())
  const sets = states.sets.map((set) => new Map([...agreed, ...set]))
  return resolveStateV1(sets, loaded, rules, options)
}

async function resolveDifferingV2(
  states: DifferingStates,
  loaded: LoadedEvents,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Promise<Map<StateSlot, EventId>> {
  const conflicts = splitConflicts(states.sets)
  await loaded.addWithChains(conflicts.conflicted)
  const graph = authGraphOf(conflicts.conflicted, loaded)
  const { conflicted, sets } = numbersOfConflicts(conflicts, graph)
  const full = new Uint8Array(graph.ids.length)
  for (const number of conflicted) full[number] = 1
  const difference = authDifferenceIn(graph, sets)
  if (difference.length > 0) {
    // What authorises an event of all states is in the auth chains of all of them.
    const common = await states.authorisingAgreed(new Set(difference.map((number) => graph.ids[number] as EventId)))
    for (const number of difference) if (!common.has(graph.ids[number] as EventId)) full[number] = 1
  }
  if (rules.stateResolution === 'v2.1') markConflictedSubgraph(conflicted, graph, full)
  const unconflicted = agreedFor(
    graph.ids.filter((_, number) => full[number] === 1),
    states,
    loaded,
    rules,
  )
  await loaded.add(unconflicted.values())
  if (!rules.auth.createInAuthEvents) {
    const first = loaded.event(conflicts.conflicted[0] as EventId)
    if (first) await loaded.add([createIdOfRoom(first.roomId)])
  }
  await addMainline(unconflicted.get(POWER_LEVELS), loaded)
  return resolveConflicts({ conflicts: { ...conflicts, unconflicted }, graph, full }, loaded, rules, options)
}

/** What the states agree on in the slots that authorise any of these events. Power levels are always among it: they order the rest. */
function agreedFor(
  ids: Iterable<EventId>,
  states: DifferingStates,
  loaded: LoadedEvents,
  rules: RoomVersionRules,
): Map<StateSlot, EventId> {
  const slots = new Set<StateSlot>([POWER_LEVELS, stateSlot('m.room.create', '')])
  for (const id of ids) {
    const event = loaded.event(id)
    if (!event) continue
    for (const { type, stateKey } of authTypesFor(event, rules)) slots.add(stateSlot(type, stateKey))
  }
  const agreed = new Map<StateSlot, EventId>()
  for (const slot of slots) {
    const holder = states.agreed(slot)
    if (holder !== undefined) agreed.set(slot, holder)
  }
  return agreed
}

/** The power levels before the agreed ones: the mainline may pass through events that authorise nothing which conflicts. */
async function addMainline(powerLevels: EventId | undefined, loaded: LoadedEvents): Promise<void> {
  let event = powerLevels === undefined ? undefined : loaded.event(powerLevels)
  const passed = new Set<EventId>()
  while (event && !passed.has(event.eventId)) {
    passed.add(event.eventId)
    await loaded.add(event.authEvents)
    event = authEventOf(event, 'm.room.power_levels', loaded)
  }
}
