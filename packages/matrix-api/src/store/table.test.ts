import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryStore } from '../testing/memory-store.ts'
import { buckets } from './buckets.ts'
import { decodeKey, encodeKey, type KeyPart, prefixEnd } from './key.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { defineTable } from './table.ts'

const part = fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeInteger())
const shapeOf = (parts: readonly KeyPart[]) => parts.map((one) => (typeof one === 'string' ? 's' : 'n')).join('')

test('keys: what is encoded comes back', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      assert.deepEqual(decodeKey(encodeKey(200, parts), shapeOf(parts)), parts)
    }),
  )
})

test('keys: numbers sort by value, strings by their bytes, shorter first', () => {
  const compare = (a: KeyPart, b: KeyPart) =>
    Math.sign(Buffer.compare(encodeKey(200, [a, 'x']), encodeKey(200, [b, 'a'])))
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
      if (a !== b) assert.equal(compare(a, b), Math.sign(a - b))
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      if (a !== b) assert.equal(compare(a, b), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }),
  )
})

test('keys: a prefix ends before the next key', () => {
  assert.deepEqual([...prefixEnd(Uint8Array.of(1, 255, 255))], [2])
  assert.throws(() => prefixEnd(Uint8Array.of(255)), RangeError)
})

test('scans stay in their prefix and their bounds', async () => {
  const store = new MemoryStore()
  const table = defineTable<[user: string, position: number], string>(store, buckets.accountDataStream, 'sn')
  const keys: [string, number][] = [
    ['a', -1],
    ['a', 1],
    ['a', 2],
    ['a', 300],
    ['ab', 1],
    ['b', 1],
  ]
  await store.batch(keys.map((key) => table.put(key, key.join())))
  const rows = async (...args: Parameters<typeof table.scan>) =>
    (await Array.fromAsync(table.scan(...args))).map(({ row }) => row)
  assert.deepEqual(await rows(['a']), ['a,-1', 'a,1', 'a,2', 'a,300'])
  assert.deepEqual(await rows(['a'], { after: 1, upTo: 300 }), ['a,2', 'a,300'])
  assert.deepEqual(await rows(['a'], { reverse: true, limit: 1 }), ['a,300'])
  assert.deepEqual(
    await table.getMany([
      ['b', 1],
      ['c', 1],
    ]),
    ['b,1', undefined],
  )
})

test('a window that ends where it begins asks the store for nothing; one position wider it does', async () => {
  const store = new MemoryStore()
  const table = defineTable<[user: string, position: number], string>(store, 200, 'sn')
  await store.batch([table.put(['a', 5], 'five'), table.put(['a', 6], 'six')])
  let scans = 0
  const entries = store.entries.bind(store)
  store.entries = (range) => {
    scans++
    return entries(range)
  }
  const rows = async (after: number, upTo: number) => {
    const found: string[] = []
    for await (const { row } of table.scan(['a'], { after, upTo })) found.push(row)
    return found
  }
  assert.deepEqual([await rows(5, 5), await rows(6, 5), scans], [[], [], 0])
  assert.deepEqual([await rows(4, 5), await rows(5, 6), scans], [['five'], ['six'], 2])
})

test('bucket numbers are used once and lie in 128–223', () => {
  const numbers = Object.values(buckets)
  assert.equal(new Set(numbers).size, numbers.length)
  assert.ok(numbers.every((number) => number >= 128 && number <= 223))
})

test('a keyed queue runs one task per key at a time, in order, past failures', async () => {
  const queue = new KeyedQueue()
  const log: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const first = queue.run('a', async () => {
    await gate
    log.push('a1')
    throw new Error('failed')
  })
  const second = queue.run('a', async () => void log.push('a2'))
  await queue.run('b', async () => void log.push('b1'))
  open()
  await assert.rejects(first, /failed/)
  await second
  assert.deepEqual(log, ['b1', 'a1', 'a2'])
})
