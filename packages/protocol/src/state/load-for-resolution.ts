import { authTypesFor } from '../auth/select-auth-events.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { createIdOfRoom } from '../ids/room-id.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { authDifferenceIn } from './auth-difference.ts'
import { authGraphOf } from './auth-graph.ts'
import { splitConflicts } from './conflicts.ts'
import type { EventSource } from './event-source.ts'
import { fullConflictedSet } from './full-conflicted-set.ts'
import type { ResolveOptions } from './iterative-auth.ts'
import { resolveConflicts } from './resolve-state.ts'
import { resolveStateV1, splitConflictsV1 } from './resolve-state-v1.ts'
import { type StateMap, type StateSlot, stateSlot } from './state-map.ts'

/** Loads these events; those that are not here are left out. Called with each id once, in batches by distance. */
export type LoadEvents = (ids: readonly EventId[]) => Promise<ReadonlyMap<EventId, Pdu>>

/**
 * `resolveState` over a store: gathers what the algorithm will read, then runs it in one go. Loads nothing where nothing
 * conflicts. Rejects only as `load` does.
 */
export async function resolveStateLoading(
  stateSets: readonly StateMap[],
  load: LoadEvents,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Promise<Map<StateSlot, EventId>> {
  if (rules.stateResolution === 'v1') return resolveLoadingV1(stateSets, load, rules, options)
  const conflicts = splitConflicts(stateSets)
  if (conflicts.conflicted.length === 0) return conflicts.unconflicted
  const loaded = new LoadedEvents(load)
  await loaded.addWithChains(conflicts.conflicted)
  const graph = authGraphOf(conflicts.conflicted, loaded)
  // The chains of the unconflicted state matter only where they can take something out of the auth difference.
  const differs = authDifferenceIn(graph, conflicts.conflictedBySet).size > 0
  if (differs) await loaded.addWithChains(conflicts.unconflicted.values())
  const full = fullConflictedSet(conflicts, graph, loaded, rules.stateResolution)
  await loaded.add(slotsThatAuthorise(full, loaded, conflicts.unconflicted, rules))
  return resolveConflicts({ conflicts, graph, full }, loaded, rules, options)
}

/** Algorithm 1 looks at what conflicts and at what authorises it in the states, never at auth chains. */
async function resolveLoadingV1(
  stateSets: readonly StateMap[],
  load: LoadEvents,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Promise<Map<StateSlot, EventId>> {
  const { agreed, conflicts } = splitConflictsV1(stateSets)
  const loaded = new LoadedEvents(load)
  const conflicted = new Set([...conflicts.values()].flatMap((ids) => [...ids]))
  await loaded.add(conflicted)
  await loaded.add(slotsThatAuthorise(conflicted, loaded, agreed, rules))
  return resolveStateV1(stateSets, loaded, rules, options)
}

/** Unconflicted events that authorise any of these, and in version 12 the create event. */
function slotsThatAuthorise(
  ids: Iterable<EventId>,
  loaded: EventSource,
  unconflicted: StateMap,
  rules: RoomVersionRules,
): Set<EventId> {
  const needed = new Set<EventId>()
  for (const id of ids) {
    const event = loaded.event(id)
    if (event === undefined) continue
    if (!rules.auth.createInAuthEvents) needed.add(createIdOfRoom(event.roomId))
    for (const { type, stateKey } of authTypesFor(event, rules)) {
      const holder = unconflicted.get(stateSlot(type, stateKey))
      if (holder !== undefined) needed.add(holder)
    }
  }
  return needed
}

/** Events loaded for one resolution. */
export class LoadedEvents implements EventSource {
  readonly #load: LoadEvents
  readonly #events = new Map<EventId, Pdu>()
  readonly #asked = new Set<EventId>()

  constructor(load: LoadEvents) {
    this.#load = load
  }

  event(id: EventId): Pdu | undefined {
    return this.#events.get(id)
  }

  /** Loads what of these was not asked for before, and answers it. */
  async add(ids: Iterable<EventId>): Promise<Pdu[]> {
    const missing = [...new Set(ids)].filter((id) => !this.#asked.has(id))
    if (missing.length === 0) return []
    for (const id of missing) this.#asked.add(id)
    const found = await this.#load(missing)
    const added = missing.flatMap((id) => found.get(id) ?? [])
    for (const event of added) this.#events.set(event.eventId, event)
    return added
  }

  async addWithChains(ids: Iterable<EventId>): Promise<void> {
    let added = await this.add(ids)
    while (added.length > 0) added = await this.add(added.flatMap((event) => event.authEvents))
  }
}
