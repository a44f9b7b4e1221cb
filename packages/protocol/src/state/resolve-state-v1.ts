import { checkAuth } from '../auth/check-auth.ts'
import { sha1 } from '../crypto/sha1.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { EventSource } from './event-source.ts'
import type { ResolveOptions } from './iterative-auth.ts'
import { type StateMap, type StateSlot, stateSlot } from './state-map.ts'

/** The passes over conflicts of events that authorise others, in this order. */
const AUTH_PASSES = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']

/**
 * State resolution of room version 1 ("State resolution" there). Known to reset state and to let `depth`, which is whatever an
 * author wrote, decide: that is what the version is.
 */
export function resolveStateV1(
  stateSets: readonly StateMap[],
  source: EventSource,
  rules: RoomVersionRules,
  options: ResolveOptions,
): Map<StateSlot, EventId> {
  const { agreed, conflicts } = splitConflictsV1(stateSets)
  const state = agreed
  const isAllowed = (event: Pdu): boolean => {
    const holder = (type: string, stateKey: string): Pdu | undefined => {
      const id = state.get(stateSlot(type, stateKey))
      return id === undefined ? undefined : source.event(id)
    }
    return checkAuth(event, holder, rules, options).allowed
  }
  const contended = new Map<StateSlot, Pdu[]>()
  for (const [slot, ids] of conflicts)
    contended.set(slot, oldestFirst([...ids].flatMap((id) => source.event(id) ?? [])))
  for (const type of AUTH_PASSES) {
    // Slots of one pass do not see each other's outcome, so their order does not matter.
    enterAll(
      state,
      pick(
        contended,
        (event) => event.type === type,
        (events) => resolveChain(events, state, isAllowed),
      ),
    )
  }
  const isOther = (event: Pdu): boolean => !AUTH_PASSES.includes(event.type)
  enterAll(
    state,
    pick(contended, isOther, (events) => [...events].reverse().find(isAllowed)),
  )
  return state
}

/** Union of the states without the slots for which they name different events. What only some of them name is no conflict. */
export function splitConflictsV1(stateSets: readonly StateMap[]): {
  readonly agreed: Map<StateSlot, EventId>
  readonly conflicts: ReadonlyMap<StateSlot, ReadonlySet<EventId>>
} {
  const named = new Map<StateSlot, Set<EventId>>()
  for (const set of stateSets) {
    for (const [slot, id] of set) {
      const ids = named.get(slot)
      if (ids) ids.add(id)
      else named.set(slot, new Set([id]))
    }
  }
  const agreed = new Map<StateSlot, EventId>()
  const conflicts = new Map<StateSlot, ReadonlySet<EventId>>()
  for (const [slot, ids] of named) {
    const [id] = ids
    if (ids.size === 1 && id !== undefined) agreed.set(slot, id)
    else conflicts.set(slot, ids)
  }
  return { agreed, conflicts }
}

/** The first event, then each that the one before it allows, until one is not. */
function resolveChain(
  events: readonly Pdu[],
  state: Map<StateSlot, EventId>,
  isAllowed: (event: Pdu) => boolean,
): Pdu | undefined {
  const [first, ...rest] = events
  if (first === undefined) return undefined
  const slot = stateSlot(first.type, first.stateKey ?? '')
  let chosen = first
  state.set(slot, chosen.eventId)
  for (const event of rest) {
    if (!isAllowed(event)) break
    chosen = event
    state.set(slot, chosen.eventId)
  }
  state.delete(slot)
  return chosen
}

/** The outcome for each contended slot whose events fit. */
function pick(
  contended: ReadonlyMap<StateSlot, readonly Pdu[]>,
  fits: (event: Pdu) => boolean,
  resolve: (events: readonly Pdu[]) => Pdu | undefined,
): Map<StateSlot, EventId> {
  const outcome = new Map<StateSlot, EventId>()
  for (const [slot, events] of contended) {
    if (events[0] === undefined || !fits(events[0])) continue
    const chosen = resolve(events)
    if (chosen !== undefined) outcome.set(slot, chosen.eventId)
  }
  return outcome
}

function enterAll(state: Map<StateSlot, EventId>, entries: ReadonlyMap<StateSlot, EventId>): void {
  for (const [slot, id] of entries) state.set(slot, id)
}

const utf8 = new TextEncoder()

/** Ascending depth, then descending `sha1(event_id)`. */
function oldestFirst(events: readonly Pdu[]): Pdu[] {
  const ranked = events.map((event) => ({ event, hash: hexOf(sha1(utf8.encode(event.eventId))) }))
  ranked.sort((a, b) => a.event.depth - b.event.depth || (a.hash < b.hash ? 1 : -1))
  return ranked.map(({ event }) => event)
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
