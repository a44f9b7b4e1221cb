import type { BatchOperation, EventId, StateSlot } from '@starling/protocol'
import { breathe } from '../breathe.ts'
import type { LruMap } from '../store/lru-map.ts'
import type { RowSource } from '../store/table.ts'
import { type ChunkName, type ChunkRow, type RoomNumber, type StateId, tables } from '../store/tables.ts'
import { branchOf, childAt, EMPTY_NODE, hashOf, leafOf, type TrieNode } from './trie-node.ts'

export type StateNode = TrieNode<EventId>

/** A node with the place where it is stored. */
export interface NamedNode {
  readonly node: StateNode
  readonly name: ChunkName
}

/** Entries whose rows are made between two turns of the event loop: some milliseconds. */
const SLICE = 2_000

export interface StoredTree {
  readonly name: ChunkName
  readonly rows: readonly BatchOperation[]
  readonly stored: readonly NamedNode[]
}

/** The state that a tree is stored for, and where nodes that are stored already are. */
export interface TreePlace {
  readonly room: RoomNumber
  readonly id: StateId
  nameOf(node: StateNode): ChunkName | undefined
}

/** Rows for those nodes of a tree that are not stored yet. What is stored already is only referred to. */
export function storeTree(root: StateNode, place: TreePlace): StoredTree {
  const tree = new TreeRows(place)
  return { name: tree.store(root), rows: tree.rows, stored: tree.stored }
}

/** The same rows, made in slices: those of 90,000 entries take a tenth of a second. */
export async function storeTreeInSlices(root: StateNode, place: TreePlace): Promise<StoredTree> {
  const tree = new TreeRows(place)
  let entries = 0
  for (const part of root.kind === 'branch' ? root.children : []) {
    if (part.size === 0) continue
    tree.store(part)
    entries += part.size
    if (entries < SLICE) continue
    entries = 0
    await breathe()
  }
  return { name: tree.store(root), rows: tree.rows, stored: tree.stored }
}

class TreeRows {
  readonly rows: BatchOperation[] = []
  readonly stored: NamedNode[] = []
  readonly #place: TreePlace
  readonly #named = new Map<StateNode, ChunkName>()

  constructor(place: TreePlace) {
    this.#place = place
  }

  store(node: StateNode): ChunkName {
    const known = this.#named.get(node) ?? this.#place.nameOf(node)
    if (known) return known
    const row: ChunkRow =
      node.kind === 'leaf'
        ? { leaf: node.keys.flatMap((slot, index) => [slot, node.values[index] ?? '']) }
        : { branch: node.children.map((child) => (child.size === 0 ? null : this.store(child))) }
    const name: ChunkName = [this.#place.id, this.rows.length]
    this.rows.push(tables.stateChunk.put([this.#place.room, ...name], row))
    this.stored.push({ node, name })
    this.#named.set(node, name)
    return name
  }
}

/** A whole tree, level by level. What `chunks` holds is taken from there, with all that is under it. */
export async function readTree(
  source: RowSource,
  room: RoomNumber,
  root: ChunkName,
  chunks: Pick<LruMap<string, StateNode>, 'get'>,
): Promise<{ readonly node: StateNode; readonly read: NamedNode[] }> {
  const rows = new Map<string, ChunkRow>()
  const known = new Map<string, StateNode>()
  const isKnown = (name: ChunkName): boolean => {
    const node = chunks.get(chunkKey(name))
    if (node) known.set(chunkKey(name), node)
    return node !== undefined
  }
  for (let level: readonly ChunkName[] = [root]; level.length > 0; ) {
    const missing = level.filter((name) => !isKnown(name))
    const found = await tables.stateChunk.getMany(
      source,
      missing.map(([id, index]) => [room, id, index] as [RoomNumber, StateId, number]),
    )
    level = missing.flatMap((name, index) => {
      const row = found[index] ?? missingChunk(room, name)
      rows.set(chunkKey(name), row)
      return 'branch' in row ? row.branch.filter((child) => child !== null) : []
    })
  }
  const read: NamedNode[] = []
  const build = (name: ChunkName): StateNode => {
    const row = rows.get(chunkKey(name))
    if (!row) return known.get(chunkKey(name)) ?? missingChunk(room, name)
    const node = 'leaf' in row ? leafOfRow(row.leaf) : branchOf(row.branch.map((at) => (at ? build(at) : EMPTY_NODE)))
    read.push({ node, name })
    return node
  }
  return { node: build(root), read }
}

/** The event in one slot of a stored tree: reads one path of it. */
export async function readSlot(
  source: RowSource,
  room: RoomNumber,
  root: ChunkName,
  slot: StateSlot,
): Promise<EventId | undefined> {
  const hash = hashOf(slot)
  let name: ChunkName | null | undefined = root
  for (let depth = 0; name; depth++) {
    const row: ChunkRow = (await tables.stateChunk.get(source, room, ...name)) ?? missingChunk(room, name)
    if ('leaf' in row) return eventInEntries(row.leaf, slot)
    name = row.branch[childAt(hash, depth)]
  }
  return undefined
}

export function chunkKey([id, index]: ChunkName): string {
  return `${id}/${index}`
}

function leafOfRow(entries: readonly string[]): StateNode {
  const hashed: { readonly hash: number; readonly key: string; readonly value: EventId }[] = []
  for (let index = 0; index + 1 < entries.length; index += 2) {
    const key = entries[index] as string
    hashed.push({ hash: hashOf(key), key, value: entries[index + 1] as EventId })
  }
  return leafOf(hashed)
}

function eventInEntries(entries: readonly string[], slot: StateSlot): EventId | undefined {
  for (let index = 0; index + 1 < entries.length; index += 2) {
    if (entries[index] === slot) return entries[index + 1] as EventId
  }
  return undefined
}

function missingChunk(room: RoomNumber, name: ChunkName): never {
  throw new Error(`chunk ${chunkKey(name)} of a state of room number ${room} is missing from the database`)
}
