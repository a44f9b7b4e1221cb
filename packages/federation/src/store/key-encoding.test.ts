import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeKey, encodeKey, prefixRange } from './key-encoding.ts'

const compare = (a: Uint8Array, b: Uint8Array) => Buffer.compare(Buffer.from(a), Buffer.from(b))

test('keys sort as their numbers do, negative ones first', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
      assert.equal(Math.sign(compare(encodeKey(8, [1, a]), encodeKey(8, [1, b]))), Math.sign(a - b))
    }),
  )
})

test('a key gives back its parts, whatever characters are in them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.string(), (text, number, last) => {
      assert.deepEqual(decodeKey(encodeKey(3, [text, number, last]), ['text', 'int', 'text']), [text, number, last])
    }),
  )
})

test('the range of a prefix holds the keys that begin with it, and no others', () => {
  const parts = fc.tuple(fc.string({ maxLength: 4 }), fc.integer({ min: -3, max: 3 }))
  fc.assert(
    fc.property(parts, parts, (prefix, other) => {
      const { gte, lt } = prefixRange(5, prefix)
      const inside = (key: Uint8Array) => compare(key, gte) >= 0 && compare(key, lt) < 0
      assert.ok(inside(encodeKey(5, [...prefix, 'tail'])))
      const same = prefix[0] === other[0] && prefix[1] === other[1]
      assert.equal(inside(encodeKey(5, [...other, 'tail'])), same)
      assert.equal(inside(encodeKey(6, [...prefix, 'tail'])), false)
    }),
  )
})

test('a number that is no safe integer makes no key', () => {
  for (const number of [1.5, 2 ** 53, Number.NaN]) assert.throws(() => encodeKey(1, [number]), RangeError)
  assert.throws(() => decodeKey(encodeKey(1, ['abc']).subarray(0, 4), ['text']), RangeError)
})
