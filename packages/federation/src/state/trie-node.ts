/** Children of a branch: four bits of the hash choose one. */
export const FAN_OUT = 16
const BITS = 4
const HASH_BITS = 32
/** Entries of a leaf; a subtree that holds no more is one leaf, so that the same entries always make the same tree. */
export const MAX_LEAF = 64

/**
 * Entries, ordered by hash and then key. Longer than `MAX_LEAF` only where more keys than that have the very same hash, which
 * takes somebody who makes them so: such a leaf is still searched in O(log n), and copied as a whole when it changes.
 */
export interface TrieLeaf<V> {
  readonly kind: 'leaf'
  readonly size: number
  readonly hashes: readonly number[]
  readonly keys: readonly string[]
  readonly values: readonly V[]
}

export interface TrieBranch<V> {
  readonly kind: 'branch'
  readonly size: number
  readonly children: readonly TrieNode<V>[]
}

/** A node of a {@link PersistentMap}: immutable, shared between maps. */
export type TrieNode<V> = TrieLeaf<V> | TrieBranch<V>

/** A key with its new value; undefined takes it out. */
export type Change<K extends string, V> = readonly [K, V | undefined]

export const EMPTY_NODE: TrieLeaf<never> = { kind: 'leaf', size: 0, hashes: [], keys: [], values: [] }

/** FNV-1a over UTF-16 code units, with its bits mixed. Stands in stored trees: never to be changed. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** The child of a branch at `depth` (the root's is 0) under which a hash is found. */
export function childAt(hash: number, depth: number): number {
  return (hash >>> (depth * BITS)) & (FAN_OUT - 1)
}

export function buildNode<V>(entries: ReadonlyMap<string, V>): TrieNode<V> {
  const hashed: HashedEntry<V>[] = []
  for (const [key, value] of entries) hashed.push({ hash: hashOf(key), key, value })
  return nodeOf(hashed, 0)
}

export function branchOf<V>(children: readonly TrieNode<V>[]): TrieBranch<V> {
  let size = 0
  for (const child of children) size += child.size
  return { kind: 'branch', size, children }
}

export function findInNode<V>(root: TrieNode<V>, key: string): V | undefined {
  const hash = hashOf(key)
  let node = root
  for (let depth = 0; node.kind === 'branch'; depth++) node = node.children[childAt(hash, depth)] ?? EMPTY_NODE
  const index = placeIn(node, hash, key)
  return isAt(node, index, hash, key) ? node.values[index] : undefined
}

/** The node with one key changed; the very same node where that changes nothing. */
export function changeNode<V>(root: TrieNode<V>, key: string, value: V | undefined): TrieNode<V> {
  return changeAt(root, 0, hashOf(key), key, value)
}

/** Calls `visit` for each key that differs. Subtrees that both share are not looked at. */
export function diffNodes<V>(
  from: TrieNode<V>,
  to: TrieNode<V>,
  visit: (key: string, before: V | undefined, after: V | undefined) => void,
): void {
  if (from === to) return
  if (from.kind === 'branch' && to.kind === 'branch') {
    for (const [index, child] of from.children.entries()) diffNodes(child, to.children[index] ?? EMPTY_NODE, visit)
    return
  }
  diffLeaves(asLeaf(from), asLeaf(to), visit)
}

/** Of a branch that is compared with a leaf: one of them holds few entries more than the other at least. */
function asLeaf<V>(node: TrieNode<V>): TrieLeaf<V> {
  return node.kind === 'leaf' ? node : leafOf(entriesOf(node))
}

/** All leaves, without recursion: state is iterated often. */
export function* leavesOf<V>(root: TrieNode<V>): Generator<TrieLeaf<V>, undefined> {
  const stack: TrieNode<V>[] = [root]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.kind === 'leaf') yield node
    else stack.push(...node.children)
  }
}

export interface HashedEntry<V> {
  readonly hash: number
  readonly key: string
  readonly value: V
}

function changeAt<V>(node: TrieNode<V>, depth: number, hash: number, key: string, value: V | undefined): TrieNode<V> {
  if (node.kind === 'leaf') return changeLeaf(node, depth, hash, key, value)
  const at = childAt(hash, depth)
  const child = node.children[at] ?? EMPTY_NODE
  const changed = changeAt(child, depth + 1, hash, key, value)
  if (changed === child) return node
  const children = node.children.slice()
  children[at] = changed
  const size = node.size - child.size + changed.size
  const branch: TrieBranch<V> = { kind: 'branch', size, children }
  return size > MAX_LEAF ? branch : leafOf(entriesOf(branch))
}

function changeLeaf<V>(leaf: TrieLeaf<V>, depth: number, hash: number, key: string, value: V | undefined): TrieNode<V> {
  const index = placeIn(leaf, hash, key)
  if (isAt(leaf, index, hash, key)) {
    if (leaf.values[index] === value) return leaf
    const { size, hashes, keys } = leaf
    if (value !== undefined) return { kind: 'leaf', size, hashes, keys, values: leaf.values.with(index, value) }
    return spliced(leaf, index, 1)
  }
  if (value === undefined) return leaf
  const grown = spliced(leaf, index, 0, { hash, key, value })
  return grown.size > MAX_LEAF ? nodeOf(entriesOf(grown), depth) : grown
}

function spliced<V>(leaf: TrieLeaf<V>, index: number, removed: number, entry?: HashedEntry<V>): TrieLeaf<V> {
  const hashes = leaf.hashes.slice()
  const keys = leaf.keys.slice()
  const values = leaf.values.slice()
  hashes.splice(index, removed, ...(entry ? [entry.hash] : []))
  keys.splice(index, removed, ...(entry ? [entry.key] : []))
  values.splice(index, removed, ...(entry ? [entry.value] : []))
  return { kind: 'leaf', size: keys.length, hashes, keys, values }
}

function nodeOf<V>(entries: HashedEntry<V>[], depth: number): TrieNode<V> {
  if (entries.length <= MAX_LEAF || depth * BITS >= HASH_BITS) return leafOf(entries)
  const parts: HashedEntry<V>[][] = Array.from({ length: FAN_OUT }, () => [])
  for (const entry of entries) parts[childAt(entry.hash, depth)]?.push(entry)
  return branchOf(parts.map((part) => (part.length === 0 ? EMPTY_NODE : nodeOf(part, depth + 1))))
}

/** Orders `entries` in place. */
export function leafOf<V>(entries: HashedEntry<V>[]): TrieLeaf<V> {
  if (entries.length === 0) return EMPTY_NODE
  entries.sort(compareEntries)
  return {
    kind: 'leaf',
    size: entries.length,
    hashes: entries.map(({ hash }) => hash),
    keys: entries.map(({ key }) => key),
    values: entries.map(({ value }) => value),
  }
}

function entriesOf<V>(node: TrieNode<V>): HashedEntry<V>[] {
  const entries: HashedEntry<V>[] = []
  for (const { hashes, keys, values } of leavesOf(node)) {
    for (const [index, key] of keys.entries()) {
      entries.push({ hash: hashes[index] as number, key, value: values[index] as V })
    }
  }
  return entries
}

function diffLeaves<V>(
  from: TrieLeaf<V>,
  to: TrieLeaf<V>,
  visit: (key: string, before: V | undefined, after: V | undefined) => void,
): void {
  for (let i = 0, j = 0; i < from.size || j < to.size; ) {
    const order = i === from.size ? 1 : j === to.size ? -1 : comparePlaces(from, i, to, j)
    if (order < 0) visit(from.keys[i] as string, from.values[i], undefined)
    else if (order > 0) visit(to.keys[j] as string, undefined, to.values[j])
    else if (from.values[i] !== to.values[j]) visit(to.keys[j] as string, from.values[i], to.values[j])
    if (order <= 0) i++
    if (order >= 0) j++
  }
}

function comparePlaces(a: TrieLeaf<unknown>, i: number, b: TrieLeaf<unknown>, j: number): number {
  const hashes = (a.hashes[i] as number) - (b.hashes[j] as number)
  if (hashes !== 0) return hashes
  const [one, other] = [a.keys[i] as string, b.keys[j] as string]
  if (one === other) return 0
  return one < other ? -1 : 1
}

/** Index of the first entry that is not before the key. */
function placeIn<V>({ hashes, keys }: TrieLeaf<V>, hash: number, key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = hashes[middle] as number
    if (found < hash || (found === hash && (keys[middle] as string) < key)) low = middle + 1
    else high = middle
  }
  return low
}

function isAt<V>({ hashes, keys }: TrieLeaf<V>, index: number, hash: number, key: string): boolean {
  return hashes[index] === hash && keys[index] === key
}

function compareEntries(a: HashedEntry<unknown>, b: HashedEntry<unknown>): number {
  if (a.hash !== b.hash) return a.hash - b.hash
  if (a.key === b.key) return 0
  return a.key < b.key ? -1 : 1
}
