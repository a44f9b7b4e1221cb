import { type Ed25519, type EventId, type Pdu, resolveStateLoading } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { Database } from '../store/database.ts'
import { LruMap } from '../store/lru-map.ts'
import { PersistentMap } from './persistent-map.ts'
import { EMPTY_STATE, type RoomState, type StateDelta } from './state-store.ts'

/** The resolution of these states, stored as a state of the room. At least one state. */
export type ResolveStates = (transaction: RoomTransaction, states: readonly RoomState[]) => Promise<RoomState>

/** Remembered resolutions, of all rooms; the least recently used go first. Each holds a map that the state store mostly shares. */
const REMEMBERED = 100

/**
 * State resolution by the room's version. States that are one and the same are not resolved; what is resolved is remembered
 * by the states it came from, since messages on a fork ask for the same resolution again and again.
 */
export function stateResolver(database: Database, ed25519: Ed25519): ResolveStates {
  const remembered = new LruMap<string, RoomState>(REMEMBERED)
  database.onFailure(() => remembered.clear())
  return async (transaction, states) => {
    const distinct = [...new Map(states.map((state) => [state.id, state])).values()]
    const [first, ...others] = distinct
    if (!first) throw new Error('no states to resolve')
    if (others.length === 0) return first
    const key = `${transaction.requireHead().number}:${distinct
      .map(({ id }) => id)
      .sort((a, b) => a - b)
      .join(',')}`
    const known = remembered.get(key)
    if (known) return known
    const resolved = await resolve(transaction, distinct, ed25519)
    transaction.whenSubmitted(() => remembered.set(key, resolved))
    return resolved
  }
}

async function resolve(
  transaction: RoomTransaction,
  states: readonly RoomState[],
  ed25519: Ed25519,
): Promise<RoomState> {
  const rejected = new Set<EventId>()
  const load = async (ids: readonly EventId[]): Promise<ReadonlyMap<EventId, Pdu>> => {
    const pdus = new Map<EventId, Pdu>()
    for (const [eventId, event] of await transaction.events(ids)) {
      pdus.set(eventId, event.pdu)
      if (event.status === 'rejected') rejected.add(eventId)
    }
    return pdus
  }
  const { rules } = transaction.requireHead()
  const resolved = await resolveStateLoading(
    states.map((state) => state.map),
    load,
    rules,
    { ed25519, isRejected: (eventId) => rejected.has(eventId) },
  )
  const map = PersistentMap.from(resolved)
  let nearest = EMPTY_STATE
  let delta: StateDelta = resolved
  for (const state of states) {
    const fromHere = state.map.changesTo(map)
    if (nearest === EMPTY_STATE || fromHere.size < delta.size) [nearest, delta] = [state, fromHere]
  }
  return transaction.deriveState(nearest, delta)
}
