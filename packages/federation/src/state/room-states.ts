import { LruMap } from '../store/lru-map.ts'
import type { ChunkName, RoomNumber, StateId } from '../store/tables.ts'
import type { RoomState } from './state-store.ts'
import { chunkKey, type NamedNode, type StateNode } from './state-tree.ts'

/** States of one room in memory; those not asked for lately go first. They share their structure: each costs its few changes. */
const STATES_PER_ROOM = 1_024
/** Entries of stored leaves found again by name, per room, so that another state read from the disk shares them. */
const ENTRIES_PER_ROOM = 100_000
/** Entries of all rooms together, about 150 bytes each. A room goes as a whole: what its states share is freed only then. */
const ENTRIES = 200_000
/** What a state costs beside what it shares, in entries: one path of its tree. */
const STATE_WEIGHT = 12

interface RoomEntry {
  readonly states: LruMap<StateId, RoomState>
  readonly chunks: LruMap<string, StateNode>
  /** Entries of the largest state seen, which the others mostly share. */
  largest: number
}

/** Cached states, by room, and where their nodes are stored. */
export class RoomStates {
  readonly #rooms = new LruMap<RoomNumber, RoomEntry>(ENTRIES)
  #names = new WeakMap<StateNode, ChunkName>()

  get(room: RoomNumber, id: StateId): RoomState | undefined {
    return this.#rooms.get(room)?.states.get(id)
  }

  chunks(room: RoomNumber): Pick<LruMap<string, StateNode>, 'get'> {
    return this.#rooms.get(room)?.chunks ?? NO_CHUNKS
  }

  nameOf(node: StateNode): ChunkName | undefined {
    return this.#names.get(node)
  }

  /** Nodes are named only once their rows are submitted: a name must not lead to a chunk that was never written. */
  remember(room: RoomNumber, state: RoomState, nodes: readonly NamedNode[]): void {
    const entry = this.#rooms.get(room) ?? {
      states: new LruMap(STATES_PER_ROOM),
      chunks: new LruMap(ENTRIES_PER_ROOM),
      largest: 0,
    }
    entry.states.set(state.id, state)
    entry.largest = Math.max(entry.largest, state.map.size)
    for (const { node, name } of nodes) {
      this.#names.set(node, name)
      entry.chunks.set(chunkKey(name), node, node.kind === 'leaf' ? node.size : 1)
    }
    const weight = Math.max(entry.largest, entry.chunks.weight) + entry.states.size * STATE_WEIGHT
    this.#rooms.set(room, entry, weight)
  }

  /** After a failed flush: names may lead to chunks that were lost. */
  clear(): void {
    this.#rooms.clear()
    this.#names = new WeakMap()
  }
}

const NO_CHUNKS: Pick<LruMap<string, StateNode>, 'get'> = { get: () => undefined }
