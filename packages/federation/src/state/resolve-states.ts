import { type Ed25519, type EventId, type Pdu, resolveDifferingStates, type StateSlot } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { Database } from '../store/database.ts'
import { LruMap } from '../store/lru-map.ts'
import type { StateId } from '../store/tables.ts'
import { authorisingAgreed } from './authorising-agreed.ts'
import type { RoomState, StateDelta } from './state-store.ts'

/** The resolution of these states, stored as a state of the room. At least one state. */
export type ResolveStates = (transaction: RoomTransaction, states: readonly RoomState[]) => Promise<RoomState>

/** Remembered resolutions, of all rooms, by number only; the least recently used go first. */
const REMEMBERED = 2_000

/**
 * State resolution by the room's version. States that are one and the same are not resolved; what is resolved is remembered
 * by the states it came from, since messages on a fork ask for the same resolution again and again.
 */
export function stateResolver(database: Database, ed25519: Ed25519): ResolveStates {
  const remembered = new LruMap<string, StateId>(REMEMBERED)
  database.onFailure(() => remembered.clear())
  return async (transaction, states) => {
    const distinct = [...new Map(states.map((state) => [state.id, state])).values()].sort((a, b) => a.id - b.id)
    const [first, ...others] = distinct
    if (!first) throw new Error('no states to resolve')
    if (others.length === 0) return first
    const key = `${transaction.requireHead().number}:${distinct.map(({ id }) => id).join(',')}`
    const known = remembered.get(key)
    if (known !== undefined) return transaction.state(known)
    const resolved = await resolve(transaction, first, others, ed25519)
    transaction.whenSubmitted(() => remembered.set(key, resolved.id))
    return resolved
  }
}

/** Costs what differs between the states: they share what they have in common, and that is not looked at. */
async function resolve(
  transaction: RoomTransaction,
  first: RoomState,
  others: readonly RoomState[],
  ed25519: Ed25519,
): Promise<RoomState> {
  const slots = new Set<StateSlot>()
  for (const { map } of others) for (const slot of first.map.changesTo(map).keys()) slots.add(slot)
  if (slots.size === 0) return first
  const states = [first, ...others].map((state) => ({ state, differing: cutDown(state, slots) }))
  const agreed = {
    get: (slot: StateSlot) => (slots.has(slot) ? undefined : first.map.get(slot)),
    values: () => first.map.entries().flatMap(([slot, eventId]) => (slots.has(slot) ? [] : [eventId])),
    size: first.map.size,
  }
  const rejected = new Set<EventId>()
  const outcome = await resolveDifferingStates(
    {
      sets: states.map(({ differing }) => differing),
      agreed: agreed.get,
      authorisingAgreed: (ids) => authorisingAgreed(ids, agreed, transaction),
    },
    loaderOf(transaction, rejected),
    transaction.requireHead().rules,
    { ed25519, isRejected: (eventId) => rejected.has(eventId) },
  )
  for (const slot of outcome.keys()) slots.add(slot)
  const nearest = states
    .map(({ state, differing }) => ({ state, delta: deltaTo(outcome, differing, slots) }))
    .reduce((best, one) => (one.delta.size < best.delta.size ? one : best))
  return transaction.deriveState(nearest.state, nearest.delta)
}

function cutDown({ map }: RoomState, slots: ReadonlySet<StateSlot>): ReadonlyMap<StateSlot, EventId> {
  const cut = new Map<StateSlot, EventId>()
  for (const slot of slots) {
    const eventId = map.get(slot)
    if (eventId !== undefined) cut.set(slot, eventId)
  }
  return cut
}

function deltaTo(
  outcome: ReadonlyMap<StateSlot, EventId>,
  from: ReadonlyMap<StateSlot, EventId>,
  slots: ReadonlySet<StateSlot>,
): StateDelta {
  const delta = new Map<StateSlot, EventId | undefined>()
  for (const slot of slots) if (from.get(slot) !== outcome.get(slot)) delta.set(slot, outcome.get(slot))
  return delta
}

function loaderOf(transaction: RoomTransaction, rejected: Set<EventId>) {
  return async (ids: readonly EventId[]): Promise<ReadonlyMap<EventId, Pdu>> => {
    const pdus = new Map<EventId, Pdu>()
    for (const [eventId, event] of await transaction.events(ids)) {
      pdus.set(eventId, event.pdu)
      if (event.status === 'rejected') rejected.add(eventId)
    }
    return pdus
  }
}
