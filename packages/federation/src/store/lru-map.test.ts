import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LruMap } from './lru-map.ts'

test('beyond its weight, what was set first and never got goes first', () => {
  const map = new LruMap<string, number>(3)
  for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index)
  map.get('a')
  map.set('d', 3)
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.get('d')], [0, undefined, 2, 3])
})

test('an entry that was spared once and not got since goes when its turn comes again', () => {
  const map = new LruMap<string, number>(2)
  map.set('a', 1)
  map.get('a')
  for (const key of ['b', 'c', 'd', 'e']) map.set(key, 0)
  assert.equal(map.size, 2)
  assert.deepEqual([map.get('a'), map.get('d'), map.get('e')], [undefined, 0, 0])
})

test('where everything was got the oldest still goes, and never what was just set', () => {
  const map = new LruMap<number, number>(100)
  for (let n = 0; n < 1_000; n++) {
    map.set(n, n)
    for (let earlier = 0; earlier <= n; earlier += 7) map.get(earlier)
    assert.equal(map.get(n), n)
    assert.equal(map.size, Math.min(n + 1, 100))
  }
})

test('an entry heavier than the whole map is kept alone, and goes with the next', () => {
  const map = new LruMap<string, string>(10)
  map.set('light', 'x', 1)
  map.set('heavy', 'y', 50)
  assert.deepEqual([map.get('light'), map.get('heavy')], [undefined, 'y'])
  map.set('light', 'z', 1)
  assert.deepEqual([map.get('light'), map.get('heavy')], ['z', undefined])
})
