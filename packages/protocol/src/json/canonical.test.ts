import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalBytes, canonicalJson } from './canonical.ts'
import { compareCodePoints } from './code-point-order.ts'
import { JsonError, type JsonErrorCode } from './json-error.ts'
import { parseStrictJson } from './strict-parse.ts'
import { validateJsonValue } from './validate.ts'
import type { JsonValue } from './value.ts'

test('appendices, "Canonical JSON": the examples', () => {
  const examples: readonly (readonly [given: string, canonical: string])[] = [
    ['{}', '{}'],
    ['{ "one": 1, "two": "Two" }', '{"one":1,"two":"Two"}'],
    ['{ "b": "2", "a": "1" }', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe", "three_pids": [
        {"medium": "email", "address": "john.doe@example.org"}, {"medium": "msisdn", "address": "123456789"}]}}}`,
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{ "a": "日本語" }', '{"a":"日本語"}'],
    ['{ "本": 2, "日": 1 }', '{"日":1,"本":2}'],
    ['{ "a": "\\u65E5" }', '{"a":"日"}'],
    ['{ "a": null }', '{"a":null}'],
  ]
  for (const [given, canonical] of examples) assert.equal(canonicalJson(parseStrictJson(given)), canonical)
})

test('appendices, last example: -0 and 1e10 are rewritten only where numbers are not enforced', () => {
  const value = parseStrictJson('{ "a": -0, "b": 1e10 }', { numbers: 'any' })
  assert.equal(canonicalJson(value, { numbers: 'any' }), '{"a":0,"b":10000000000}')
  assert.throws(() => canonicalJson(value), JsonError)
})

test('keys sort by code point, not by UTF-16 unit', () => {
  assert.equal(canonicalJson({ '😀': 1, '\uff5e': 2, b: 3, '10': 4, '9': 5 }), '{"10":4,"9":5,"b":3,"\uff5e":2,"😀":1}')
  // Twin: the language's own order puts the astral character first.
  assert.deepEqual(['😀', '\uff5e'].sort(), ['😀', '\uff5e'])
})

test('escapes are the shortest, and only where needed', () => {
  assert.equal(
    canonicalJson('\b\t\n\f\r"\\/\u0000\u001f\u007f\u2028é'),
    '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\u007f\u2028é"',
  )
})

test('compareCodePoints is the order of code points', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const x = Buffer.from(a)
      const y = Buffer.from(b)
      assert.equal(Math.sign(compareCodePoints(a, b)), Buffer.compare(x, y))
    }),
  )
})

const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger().filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value as fc.Arbitrary<JsonValue>

test('canonical JSON parses back to the same value, and is a fixed point', () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const text = canonicalJson(value)
      assert.deepEqual(parseStrictJson(text), JSON.parse(JSON.stringify(value)))
      assert.equal(canonicalJson(parseStrictJson(text)), text)
      assert.equal(Buffer.from(canonicalBytes(value)).toString(), text)
      assert.equal(validateJsonValue(value), value)
    }),
  )
})

test('canonical JSON does not depend on the order in which keys were written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.integer(), { noNullPrototype: true }), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).reverse())
      assert.equal(canonicalJson(reversed), canonicalJson(object))
    }),
  )
})

test('what has no canonical form is refused by the encoder and by the validator', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  const cases: readonly (readonly [value: unknown, code: JsonErrorCode])[] = [
    [1.5, 'bad_number'],
    [-0, 'bad_number'],
    [2 ** 53, 'bad_number'],
    [Number.NaN, 'bad_number'],
    [Number.POSITIVE_INFINITY, 'bad_number'],
    ['\ud800', 'lone_surrogate'],
    [{ '\udc00': 1 }, 'lone_surrogate'],
    [[undefined], 'not_json'],
    [{ a: () => 1 }, 'not_json'],
    [{ a: 1n }, 'not_json'],
    [new Date(0), 'not_json'],
    [new Map(), 'not_json'],
    [cycle, 'too_deep'],
  ]
  for (const [value, code] of cases) {
    const isCode = (error: unknown): boolean => error instanceof JsonError && error.code === code
    assert.throws(() => canonicalJson(value as JsonValue), isCode)
    assert.throws(() => validateJsonValue(value), isCode)
  }
  assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
})
