import type { BatchOperation, EventId, StateMap, StateSlot } from '@starling/protocol'
import type { Database } from '../store/database.ts'
import { LruMap } from '../store/lru-map.ts'
import type { RowSource } from '../store/table.ts'
import { type RoomNumber, type StateId, type StateRow, tables } from '../store/tables.ts'

/** A stored state: its number in the room, the whole map, and how far it is from its snapshot. Immutable, shared. */
export interface RoomState {
  readonly id: StateId
  readonly map: StateMap
  readonly chain: number
  readonly weight: number
}

/** No state at all: before the create event. Has no row. Numbers of stored states begin at 1. */
export const EMPTY_STATE: RoomState = { id: 0 as StateId, map: new Map(), chain: 0, weight: 0 }
export const FIRST_STATE_ID = 1 as StateId

/** What differs from another state: slot → event id, or undefined where the slot becomes empty. */
export type StateDelta = ReadonlyMap<StateSlot, EventId | undefined>

/** Deltas between a state and its snapshot: what a cold read has to fetch, one row after the other. */
const MAX_CHAIN = 64
/** A snapshot is written at the latest when its deltas hold more than this, or than half the map where that is more. */
const MIN_SNAPSHOT_WEIGHT = 32
/** Entries of all cached maps together, about 150 bytes each; the least recently used states go first. */
const CACHED_ENTRIES = 100_000

/**
 * Room states as snapshots and bounded chains of deltas. An event that changes nothing has its parent's state id; a state
 * event costs one small row; a full map is written once per `max(32, n/2)` changed entries, so that storage grows with
 * the number of changes and not with changes × size.
 */
export class StateStore {
  readonly #database: Database
  readonly #cache = new LruMap<string, RoomState>(CACHED_ENTRIES)

  constructor(database: Database) {
    this.#database = database
    database.onFailure(() => this.#cache.clear())
  }

  /** @throws Error where rows are missing: the database is damaged. */
  async get(room: RoomNumber, id: StateId): Promise<RoomState> {
    if (id === EMPTY_STATE.id) return EMPTY_STATE
    const cached = this.#cache.get(cacheKey(room, id))
    if (cached) return cached
    const state = await this.#read(this.#database, room, id)
    this.remember(room, state)
    return state
  }

  remember(room: RoomNumber, state: RoomState): void {
    this.#cache.set(cacheKey(room, state.id), state, state.map.size + 1)
  }

  async #read(source: RowSource, room: RoomNumber, id: StateId): Promise<RoomState> {
    const deltas: StateRow[] = []
    let base: RoomState | undefined
    for (let next: StateId | undefined = id; next !== undefined && !base; ) {
      const row: StateRow | undefined = await tables.state.get(source, room, next)
      if (!row) throw new Error(`state ${next} of room number ${room} is missing from the database`)
      deltas.push(row)
      next = row.base
      base = next === undefined ? undefined : this.#cache.get(cacheKey(room, next))
    }
    const map = new Map<StateSlot, EventId>(base?.map)
    for (const row of deltas.reverse()) applyEntries(map, row.entries)
    const last = deltas.at(-1)
    return { id, map, chain: last?.chain ?? 0, weight: last?.weight ?? 0 }
  }
}

/** The state that `delta` makes of `base`, and the row that stores it. */
export function deriveState(
  room: RoomNumber,
  id: StateId,
  base: RoomState,
  delta: StateDelta,
): { readonly state: RoomState; readonly row: BatchOperation } {
  const map = new Map<StateSlot, EventId>(base.map)
  for (const [slot, eventId] of delta) {
    if (eventId === undefined) map.delete(slot)
    else map.set(slot, eventId)
  }
  const weight = base.weight + delta.size
  const chain = base.chain + 1
  if (base.id === EMPTY_STATE.id || chain > MAX_CHAIN || weight > Math.max(MIN_SNAPSHOT_WEIGHT, map.size / 2)) {
    const row: StateRow = { chain: 0, weight: 0, entries: [...map].flat() }
    return { state: { id, map, chain: 0, weight: 0 }, row: tables.state.put([room, id], row) }
  }
  const entries = [...delta].flatMap(([slot, eventId]) => [slot, eventId ?? null])
  const row: StateRow = { base: base.id, chain, weight, entries }
  return { state: { id, map, chain, weight }, row: tables.state.put([room, id], row) }
}

/** What turns `from` into `to`. */
export function stateDelta(from: StateMap, to: StateMap): Map<StateSlot, EventId | undefined> {
  const delta = new Map<StateSlot, EventId | undefined>()
  if (from === to) return delta
  let kept = 0
  for (const [slot, eventId] of to) {
    const before = from.get(slot)
    if (before !== undefined) kept++
    if (before !== eventId) delta.set(slot, eventId)
  }
  if (kept < from.size) for (const slot of from.keys()) if (!to.has(slot)) delta.set(slot, undefined)
  return delta
}

function applyEntries(map: Map<StateSlot, EventId>, entries: StateRow['entries']): void {
  for (let index = 0; index + 1 < entries.length; index += 2) {
    const slot = entries[index] as StateSlot
    const eventId = entries[index + 1]
    if (eventId === null) map.delete(slot)
    else map.set(slot, eventId as EventId)
  }
}

function cacheKey(room: RoomNumber, id: StateId): string {
  return `${room}/${id}`
}
