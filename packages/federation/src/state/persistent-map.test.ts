import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emptyMap, PersistentMap } from './persistent-map.ts'
import { hashOf, MAX_LEAF } from './trie-node.ts'

type Changes = readonly (readonly [string, number | undefined])[]

const key = fc.nat(300).map((n) => `key${n}`)
const changes: fc.Arbitrary<Changes> = fc.array(fc.tuple(key, fc.option(fc.nat(5), { nil: undefined })), {
  maxLength: 600,
  size: 'max',
})

function applied(start: ReadonlyMap<string, number>, steps: Changes): Map<string, number> {
  const map = new Map(start)
  for (const [name, value] of steps) {
    if (value === undefined) map.delete(name)
    else map.set(name, value)
  }
  return map
}

function sorted<V>(map: Iterable<readonly [string, V]>): (readonly [string, V])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

test('holds what a Map holds after the same changes, and keeps what it held before them', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const before = emptyMap<string, number>().with(first)
      const after = before.with(second)
      const expected = applied(applied(new Map(), first), second)
      assert.deepEqual(sorted(before), sorted(applied(new Map(), first)))
      assert.deepEqual(sorted(after), sorted(expected))
      assert.equal(after.size, expected.size)
      for (const name of expected.keys()) assert.equal(after.get(name), expected.get(name))
      assert.equal(after.get('absent'), undefined)
      // The same entries make the same tree, whatever way led there: stored trees share chunks by that.
      assert.deepEqual(after.root, PersistentMap.from(expected).root)
    }),
    { numRuns: 150 },
  )
})

test('changesTo says what turns one map into another', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const from = emptyMap<string, number>().with(first)
      for (const to of [from.with(second), PersistentMap.from(applied(new Map(), second))]) {
        const delta = from.changesTo(to)
        assert.deepEqual(sorted(from.with(delta)), sorted(to))
        for (const [name, value] of delta) assert.notEqual(from.get(name), value)
      }
    }),
    { numRuns: 150 },
  )
})

test('a change of a large map makes one new path, and comparing the two looks at nothing else', () => {
  const large = PersistentMap.from(Array.from({ length: 10_000 }, (_, n): [string, number] => [`key${n}`, n]))
  const changed = large.set('key5000', -1)
  const [a, b] = [large.root, changed.root]
  assert.ok(a.kind === 'branch' && b.kind === 'branch')
  assert.equal(a.children.filter((child, index) => child !== b.children[index]).length, 1)
  assert.deepEqual([...large.changesTo(changed)], [['key5000', -1]])
  assert.equal(large.set('key5000', 5000), large)
  assert.equal(large.delete('absent'), large)
})

test('keys of one hash, made so on purpose, are told apart in a leaf of their own', () => {
  const keys = collidingKeys(MAX_LEAF + 20)
  assert.equal(new Set(keys.map(hashOf)).size, 1)
  const map = PersistentMap.from(keys.map((name, index) => [name, index] as const))
  for (const [index, name] of keys.entries()) assert.equal(map.get(name), index)
  const fewer = keys.slice(30).reduce((left, name) => left.delete(name), map)
  assert.deepEqual(sorted(fewer), sorted(keys.slice(0, 30).map((name, index) => [name, index] as const)))
  assert.equal(fewer.root.kind, 'leaf')
})

/** FNV's state after a prefix is 32 bits: two blocks that lead to the same state may be exchanged anywhere. */
function collidingKeys(count: number): string[] {
  const keys: string[] = ['']
  for (let block = 0; keys.length < count; block++) {
    const [a, b] = collidingBlocks(keys[0] ?? '', block)
    keys.push(...keys.map((prefix) => prefix + b))
    for (let index = 0; index < keys.length / 2; index++) keys[index] += a
  }
  return keys.slice(0, count)
}

function collidingBlocks(prefix: string, block: number): [string, string] {
  const seen = new Map<number, string>()
  for (let n = 0; ; n++) {
    const text = `${block}:${(n * 2_654_435_761).toString(36)}`
    const hash = hashOf(prefix + text)
    const other = seen.get(hash)
    if (other !== undefined) return [other, text]
    seen.set(hash, text)
  }
}
