import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesWhole, matchesWords } from './glob.ts'
import { propertyAt, splitPath } from './property-path.ts'

test('whole-value globs (the examples of event_match)', () => {
  for (const text of ['Lunch plans', 'LUNCH']) assert.equal(matchesWhole('lunc?*', text), true, text)
  for (const text of [' lunch', 'lunc', '']) assert.equal(matchesWhole('lunc?*', text), false, text)
  assert.equal(matchesWhole('', ''), true)
  assert.equal(matchesWhole('*', ''), true)
  assert.equal(matchesWhole('a.c', 'abc'), false, 'nothing but * and ? is special')
})

test('globs at word boundaries (the examples for content.body)', () => {
  for (const text of ['An example event.', 'exple', 'An exciting triple-whammy']) {
    assert.equal(matchesWords('ex*ple', text), true, text)
  }
  assert.equal(matchesWords('ex*ple', 'hexple'), false)
  assert.equal(matchesWords('cake', 'Cake!'), true)
  assert.equal(matchesWords('cake', 'pancakes, a cake'), true)
  assert.equal(matchesWords('cake', 'pancake'), false)
  assert.equal(matchesWords('ca?e', 'no pancake, but a cave'), true)
})

test('globs agree with regular expressions', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-') })
  const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
  const source = (pattern: string) => pattern.replaceAll('?', '[^]').replaceAll('*', '[^]*')
  fc.assert(
    fc.property(glob, text, (pattern, value) => {
      assert.equal(matchesWhole(pattern, value), new RegExp(`^${source(pattern)}$`).test(value))
    }),
  )
})

test('bad input 87: a pattern that makes backtracking matchers explode is done in steps that can be counted', () => {
  const pattern = `${'*a'.repeat(30)}b`
  assert.equal(matchesWords(pattern, 'a'.repeat(5_000)), false)
  // The twin: one that goes back and tries again needs more steps than anybody waits for, on a fraction of the text.
  let left = 1_000_000
  const backtracking = (glob: string, text: string): boolean => {
    if (left-- <= 0) throw new RangeError('out of steps')
    if (glob === '') return text === ''
    if (glob[0] !== '*') return text[0] === glob[0] && backtracking(glob.slice(1), text.slice(1))
    for (let at = 0; at <= text.length; at++) if (backtracking(glob.slice(1), text.slice(at))) return true
    return false
  }
  assert.equal(backtracking('*a*b', 'xayb'), true)
  assert.throws(() => backtracking(pattern, 'a'.repeat(50)), RangeError)
})

test('property paths: dots and backslashes are escaped, other escapes are literal', () => {
  assert.deepEqual(splitPath('content.m\\.relates_to'), ['content', 'm.relates_to'])
  assert.deepEqual(splitPath('content.m\\\\foo'), ['content', 'm\\foo'])
  assert.deepEqual(splitPath('a\\x'), ['a\\x'])
  assert.equal(propertyAt({ content: { 'm.mentions': { room: true } } }, 'content.m\\.mentions.room'), true)
  assert.equal(propertyAt({ content: {} }, 'content.constructor.name'), undefined)
})
