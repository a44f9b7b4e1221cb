import {
  buildNode,
  type Change,
  changeNode,
  diffNodes,
  EMPTY_NODE,
  findInNode,
  leavesOf,
  type TrieNode,
} from './trie-node.ts'

/**
 * An immutable map from strings, of which each change makes a new one that shares all but one path with the old: changing
 * costs O(log n), and comparing two maps costs what differs, not what they hold. Entries come in no order that means anything.
 */
export class PersistentMap<K extends string, V> implements ReadonlyMap<K, V> {
  readonly root: TrieNode<V>

  constructor(root: TrieNode<V>) {
    this.root = root
  }

  /** Of entries with the same key the last counts. */
  static from<K extends string, V>(entries: ReadonlyMap<K, V> | Iterable<readonly [K, V]>): PersistentMap<K, V> {
    if (entries instanceof PersistentMap) return entries
    return new PersistentMap(buildNode(new Map<string, V>(entries)))
  }

  get size(): number {
    return this.root.size
  }

  get(key: K): V | undefined {
    return findInNode(this.root, key)
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  set(key: K, value: V): PersistentMap<K, V> {
    return this.with([[key, value]])
  }

  delete(key: K): PersistentMap<K, V> {
    return this.with([[key, undefined]])
  }

  /** With all of these changes; undefined takes a key out. Itself where nothing changes. */
  with(changes: Iterable<Change<K, V>>): PersistentMap<K, V> {
    let root = this.root
    for (const [key, value] of changes) root = changeNode(root, key, value)
    return root === this.root ? this : new PersistentMap(root)
  }

  /** What turns this map into the other, in time proportional to it where they share their structure. */
  changesTo(other: PersistentMap<K, V>): Map<K, V | undefined> {
    const changes = new Map<K, V | undefined>()
    diffNodes(this.root, other.root, (key, _, after) => changes.set(key as K, after))
    return changes
  }

  *entries(): Generator<[K, V], undefined> {
    for (const { keys, values } of leavesOf(this.root)) {
      for (let index = 0; index < keys.length; index++) yield [keys[index] as K, values[index] as V]
    }
  }

  *keys(): Generator<K, undefined> {
    for (const { keys } of leavesOf(this.root)) yield* keys as readonly K[]
  }

  *values(): Generator<V, undefined> {
    for (const { values } of leavesOf(this.root)) yield* values
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries()
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }
}

const EMPTY: PersistentMap<string, never> = new PersistentMap(EMPTY_NODE)

export function emptyMap<K extends string, V>(): PersistentMap<K, V> {
  return EMPTY as unknown as PersistentMap<K, V>
}
