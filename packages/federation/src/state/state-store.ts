import type { BatchOperation, EventId, StateMap, StateSlot } from '@starling/protocol'
import type { Database } from '../store/database.ts'
import type { RowSource } from '../store/table.ts'
import { type RoomNumber, type StateId, type StateRow, tables } from '../store/tables.ts'
import { emptyMap, PersistentMap } from './persistent-map.ts'
import { RoomStates } from './room-states.ts'
import { type NamedNode, readSlot, readTree, type StoredTree, storeTree, storeTreeInSlices } from './state-tree.ts'
import { MAX_LEAF } from './trie-node.ts'

/** Room state in memory: states of a room share what they have in common. */
export type SharedStateMap = PersistentMap<StateSlot, EventId>

/** A stored state: its number in the room, the whole map, and how far it is from its snapshot. Immutable, shared. */
export interface RoomState {
  readonly id: StateId
  readonly map: SharedStateMap
  readonly chain: number
  readonly weight: number
}

/** No state at all: before the create event. Has no row. Numbers of stored states begin at 1. */
export const EMPTY_STATE: RoomState = { id: 0 as StateId, map: emptyMap(), chain: 0, weight: 0 }
export const FIRST_STATE_ID = 1 as StateId

/** What differs from another state: slot → event id, or undefined where the slot becomes empty. */
export type StateDelta = ReadonlyMap<StateSlot, EventId | undefined>

/** Deltas between a state and its snapshot: what a cold read has to fetch, one row after the other. */
const MAX_CHAIN = 64
/** A snapshot is written at the latest when its deltas hold more than this, or than half the map where that is more… */
const MIN_SNAPSHOT_WEIGHT = 32
/** …up to this many: what a cold read has to take in beside the snapshot. */
const MAX_SNAPSHOT_WEIGHT = 1_024

/** A state made of another, with the rows that store it and the nodes that those rows name. */
export interface DerivedState {
  readonly state: RoomState
  readonly rows: readonly BatchOperation[]
  readonly stored: readonly NamedNode[]
}

/**
 * Room states as snapshots and bounded chains of deltas. An event that changes nothing has its parent's state id; a state
 * event costs one small row. A snapshot is a tree of chunks of at most 64 entries, of which those are written that no snapshot
 * before it holds: after at most 64 changes at most that many chunks, however large the room.
 */
export class StateStore {
  readonly #database: Database
  readonly #cache = new RoomStates()

  constructor(database: Database) {
    this.#database = database
    database.onFailure(() => this.#cache.clear())
  }

  /** @throws Error where rows are missing: the database is damaged. */
  async get(room: RoomNumber, id: StateId): Promise<RoomState> {
    if (id === EMPTY_STATE.id) return EMPTY_STATE
    const cached = this.#cache.get(room, id)
    if (cached) return cached
    const { state, read } = await this.#read(this.#database, room, id)
    this.#cache.remember(room, state, read)
    return state
  }

  /** The events in a few slots. Of a state that is not in memory only the paths to them are read. */
  async slots<S extends StateSlot>(
    room: RoomNumber,
    id: StateId,
    slots: readonly S[],
  ): Promise<ReadonlyMap<S, EventId>> {
    const found = new Map<S, EventId | undefined>()
    let base: RoomState | undefined
    let row: StateRow | undefined
    for (let next: StateId | undefined = id; next !== undefined && !base; next = row.base) {
      base = next === EMPTY_STATE.id ? EMPTY_STATE : this.#cache.get(room, next)
      if (base) break
      row = await this.#row(this.#database, room, next)
      const entries = new Map(pairsOf(row))
      for (const slot of slots) if (!found.has(slot) && entries.has(slot)) found.set(slot, entries.get(slot))
    }
    for (const slot of slots) {
      if (found.has(slot)) continue
      const tree = base ? undefined : row?.tree
      found.set(slot, tree ? await readSlot(this.#database, room, tree, slot) : base?.map.get(slot))
    }
    return new Map([...found].flatMap(([slot, eventId]) => (eventId === undefined ? [] : [[slot, eventId]])))
  }

  /** The rows of this state have been submitted. */
  remember(room: RoomNumber, { state, stored }: Pick<DerivedState, 'state' | 'stored'>): void {
    this.#cache.remember(room, state, stored)
  }

  /** The state that `delta` makes of `base`, not stored yet. */
  derive(room: RoomNumber, id: StateId, base: RoomState, delta: StateDelta): DerivedState {
    const map = base.map.size === 0 ? wholeMap(delta) : base.map.with(delta)
    const weight = base.weight + delta.size
    const chain = base.chain + 1
    const maxWeight = Math.min(Math.max(MIN_SNAPSHOT_WEIGHT, map.size / 2), MAX_SNAPSHOT_WEIGHT)
    if (base.id === EMPTY_STATE.id || chain > MAX_CHAIN || weight > maxWeight)
      return this.#snapshot(room, { id, map, chain: 0, weight: 0 })
    const entries = [...delta].flatMap(([slot, eventId]) => [slot, eventId ?? null])
    const row: StateRow = { base: base.id, chain, weight, entries }
    return { state: { id, map, chain, weight }, rows: [tables.state.put([room, id], row)], stored: [] }
  }

  #snapshot(room: RoomNumber, state: RoomState): DerivedState {
    const { id, map } = state
    if (map.size <= MAX_LEAF) {
      const row: StateRow = { chain: 0, weight: 0, entries: [...map].flat() }
      return { state, rows: [tables.state.put([room, id], row)], stored: [] }
    }
    return snapshotOf(room, state, storeTree(map.root, this.#place(room, id)))
  }

  /** A first state as a whole, made in slices where it is large. */
  async deriveWhole(room: RoomNumber, id: StateId, map: SharedStateMap): Promise<DerivedState> {
    if (map.size <= MAX_LEAF) return this.derive(room, id, EMPTY_STATE, map)
    const state: RoomState = { id, map, chain: 0, weight: 0 }
    return snapshotOf(room, state, await storeTreeInSlices(map.root, this.#place(room, id)))
  }

  #place(room: RoomNumber, id: StateId) {
    return { room, id, nameOf: (node: NamedNode['node']) => this.#cache.nameOf(node) }
  }

  async #read(source: RowSource, room: RoomNumber, id: StateId): Promise<{ state: RoomState; read: NamedNode[] }> {
    const deltas: StateRow[] = []
    let base: RoomState | undefined
    for (let next: StateId | undefined = id; next !== undefined && !base; ) {
      const row = await this.#row(source, room, next)
      deltas.push(row)
      next = row.base
      base = next === undefined ? undefined : this.#cache.get(room, next)
    }
    const [newest, oldest] = [deltas[0], deltas.at(-1)]
    const tree = base || !oldest?.tree ? undefined : await readTree(source, room, oldest.tree, this.#cache.chunks(room))
    let map: SharedStateMap = tree ? new PersistentMap(tree.node) : (base?.map ?? emptyMap())
    for (const row of deltas.reverse()) {
      const pairs = pairsOf(row)
      // A snapshot of older versions, or of a small state: one row.
      map = map.size === 0 ? PersistentMap.from(withoutEmpty(pairs)) : map.with(pairs)
    }
    return { state: { id, map, chain: newest?.chain ?? 0, weight: newest?.weight ?? 0 }, read: tree?.read ?? [] }
  }

  async #row(source: RowSource, room: RoomNumber, id: StateId): Promise<StateRow> {
    const row = await tables.state.get(source, room, id)
    if (!row) throw new Error(`state ${id} of room number ${room} is missing from the database`)
    // Numbers grow: what builds on a later state is half of a batch, and following it would never end.
    if (row.base !== undefined && row.base >= id) throw new Error(`state ${id} of room number ${room} is damaged`)
    return row
  }
}

function snapshotOf(room: RoomNumber, state: RoomState, { name, rows, stored }: StoredTree): DerivedState {
  const row: StateRow = { chain: 0, weight: 0, tree: name, entries: [] }
  return { state, rows: [...rows, tables.state.put([room, state.id], row)], stored }
}

/** A map that is made already, by somebody who made it bit by bit, is not made again. */
function wholeMap(delta: StateDelta): SharedStateMap {
  return delta instanceof PersistentMap ? delta : PersistentMap.from(withoutEmpty(delta))
}

/** What turns `from` into `to`. */
export function stateDelta(from: StateMap, to: StateMap): StateDelta {
  return PersistentMap.from(from).changesTo(PersistentMap.from(to))
}

function* withoutEmpty(
  pairs: Iterable<readonly [StateSlot, EventId | undefined]>,
): Generator<readonly [StateSlot, EventId]> {
  for (const [slot, eventId] of pairs) if (eventId !== undefined) yield [slot, eventId]
}

function pairsOf({ entries }: StateRow): (readonly [StateSlot, EventId | undefined])[] {
  const pairs: (readonly [StateSlot, EventId | undefined])[] = []
  for (let index = 0; index + 1 < entries.length; index += 2) {
    pairs.push([entries[index] as StateSlot, (entries[index + 1] ?? undefined) as EventId | undefined])
  }
  return pairs
}
