import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonError, type JsonErrorCode } from './json-error.ts'
import { ownValue } from './own-value.ts'
import { parseStrictJson, parseStrictObject, type StrictParseOptions } from './strict-parse.ts'

function refuses(input: string | Uint8Array, code: JsonErrorCode, options?: StrictParseOptions): void {
  assert.throws(
    () => parseStrictJson(input, options),
    (error: unknown) => error instanceof JsonError && error.code === code,
    `${typeof input === 'string' ? input.slice(0, 80) : Buffer.from(input).toString('latin1')} should be ${code}`,
  )
}

/** Values as events may have them. */
const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'binary' }),
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }).filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', '1')),
      tie('value'),
      {
        maxKeys: 5,
        noNullPrototype: true,
      },
    ),
  ),
})).value

test('on what events may hold, the strict parser is the native one', () => {
  fc.assert(
    fc.property(jsonValue, fc.constantFrom('', ' ', '\n\t'), (value, space) => {
      const text = JSON.stringify(value, null, space)
      assert.deepEqual(parseStrictJson(text), JSON.parse(text))
      assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text))
    }),
  )
})

test('any text: the strict parser refuses it, or answers what the native one does', () => {
  const fragments = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '\\',
    '\\u',
    'd800',
    '"a"',
    '1',
    '-',
    '.',
    'e',
    '0',
    ' ',
    'true',
  )
  fc.assert(
    fc.property(fc.array(fragments, { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      let strict: unknown
      try {
        strict = parseStrictJson(text)
      } catch (error) {
        assert.ok(error instanceof JsonError)
        return
      }
      assert.deepEqual(strict, JSON.parse(text))
    }),
    { numRuns: 2000 },
  )
})

test('bad input 1: what is not JSON is refused', () => {
  for (const text of ['', '{', '{"a":1', '[1,]', 'nope', '{"a" 1}', '{"a":1}x', "{'a':1}", '01', '+1', '\ufeff{}']) {
    refuses(text, 'syntax')
  }
})

test('bad input 2: bad UTF-8 and lone surrogates are refused', () => {
  refuses(Uint8Array.of(0x22, 0xff, 0x22), 'bad_utf8')
  refuses(Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 'bad_utf8')
  refuses(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'bad_utf8')
  refuses(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d), 'syntax')
  refuses('"\ud800"', 'lone_surrogate')
  for (const text of ['"\\ud800"', '"\\udc00"', '"\\uD83D x"', '"\\ud83d\\n"', '"\\ud83d\\ud83d"', '{"\\udfff":1}']) {
    refuses(text, 'lone_surrogate')
    // Twin: the language's own parser takes them all.
    assert.doesNotThrow(() => JSON.parse(text))
  }
  assert.equal(parseStrictJson('"\\ud83d\\ude00"'), '😀')
  assert.equal(parseStrictJson('"\\\\ud800"'), '\\ud800')
})

test('bad input 3: numbers that events may not have are refused', () => {
  const rewritten = [
    '1.5',
    '1e3',
    '1E3',
    '-0',
    '1.0',
    '9007199254740992',
    '-9007199254740992',
    '12345678901234567890',
    '1e400',
    '[0,-0]',
    '-0.0',
  ]
  for (const text of rewritten) {
    refuses(text, 'bad_number')
    // Twin: the language's own parser takes them, and what it writes back is another text or another number.
    assert.doesNotThrow(() => JSON.parse(text))
  }
  assert.deepEqual(
    parseStrictJson('[9007199254740991,-9007199254740991,0,-1]'),
    [9007199254740991, -9007199254740991, 0, -1],
  )
  assert.equal(parseStrictJson('1.5', { numbers: 'any' }), 1.5)
  assert.equal(parseStrictJson('12345678901234567890', { numbers: 'any' }), Number('12345678901234567890'))
  refuses('1e400', 'bad_number', { numbers: 'any' })
  refuses('9'.repeat(400), 'bad_number', { numbers: 'any' })
})

test('bad input 4: duplicate keys are refused, however they are written', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"b":1,"c":2,"b":3}}]',
    '{"__proto__":1,"__proto__":2}',
    '{"1":1,"1":2}',
  ]) {
    refuses(text, 'duplicate_key')
    // Twin: natively the last one silently wins, elsewhere the first.
    assert.doesNotThrow(() => JSON.parse(text))
  }
  assert.deepEqual(parseStrictJson('{"a":":","b":{"a":1}}'), { a: ':', b: { a: 1 } })
})

test('bad input 5: __proto__ and constructor are inert data', () => {
  const object = parseStrictObject('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
  assert.equal(Object.getPrototypeOf(object), Object.prototype)
  assert.deepEqual(ownValue(object, '__proto__'), { polluted: true })
  assert.equal(ownValue(parseStrictObject('{}'), 'constructor'), undefined)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  // Twin: copied by assignment, the same object changes a prototype.
  const victim: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object)) victim[key] = value
  assert.equal(victim.polluted, true)
  assert.equal({ ...object }.polluted, undefined)
})

test('bad input 6: nesting is bounded, without recursion', () => {
  const deep = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth)
  refuses(deep(5_000), 'too_deep')
  refuses(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, 'too_deep')
  refuses(deep(101), 'too_deep')
  refuses('['.repeat(1_000_000), 'too_deep')
  assert.doesNotThrow(() => parseStrictJson(deep(100)))
  refuses(deep(6), 'too_deep', { maxDepth: 5 })
  // Brackets in strings are no nesting.
  assert.equal(parseStrictJson(JSON.stringify('['.repeat(200))), '['.repeat(200))
  // Twin: the native parser takes it, and serialising it then overflows the stack.
  const native = JSON.parse(deep(100_000))
  assert.throws(() => JSON.stringify(native), RangeError)
})

test('a size bound refuses before anything is parsed', () => {
  refuses('"123456"', 'too_large', { maxLength: 7 })
  assert.equal(parseStrictJson('"12345"', { maxLength: 7 }), '12345')
})

test('parseStrictObject wants an object', () => {
  for (const text of ['[]', '1', 'null', '"x"']) assert.throws(() => parseStrictObject(text), JsonError)
})
