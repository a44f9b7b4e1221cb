import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, ServerName } from '@starling/protocol'
import { isAllowedByAcl, matchesGlob } from './server-acl.ts'

const CASES: readonly (readonly [content: JsonObject | undefined, server: string, allowed: boolean])[] = [
  [undefined, 'a.org', true],
  [{}, 'a.org', false],
  [{ allow: ['*'] }, 'a.org', true],
  [{ allow: ['*'], deny: ['evil.org'] }, 'evil.org', false],
  [{ allow: ['*'], deny: ['evil.org'] }, 'EVIL.org:8448', false],
  [{ allow: ['*'], deny: ['*.evil.org'] }, 'a.evil.org', false],
  [{ allow: ['*'], deny: ['*.evil.org'] }, 'evil.org', true],
  [{ allow: ['?.org'] }, 'a.org', true],
  [{ allow: ['?.org'] }, 'ab.org', false],
  [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4', false],
  [{ allow: ['*'], allow_ip_literals: false }, '[::1]:8448', false],
  [{ allow: ['*'], allow_ip_literals: 'no' }, '1.2.3.4', true],
  [{ allow: ['*'], deny: 'evil.org' }, 'evil.org', true],
  [{ allow: [1, null, '*'] }, 'a.org', true],
  [{ allow: ['a.org.'] }, 'axorg.', false],
]

for (const [content, server, allowed] of CASES) {
  test(`${JSON.stringify(content)} ${allowed ? 'allows' : 'denies'} ${server}`, () => {
    assert.equal(isAllowedByAcl(content, server as ServerName), allowed)
  })
}

test('bad input 89: a malicious glob costs steps in proportion to pattern and text, not their power', () => {
  const text = `${'a'.repeat(255)}`
  const pattern = `${'*a'.repeat(200)}*b`
  let steps = 0
  // Counts what the matcher reads, so that the bound is on work and not on this machine's speed.
  const counting = new Proxy(new String(text), {
    get(target, key) {
      steps++
      const value = Reflect.get(target, key) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as unknown as string
  assert.equal(matchesGlob(pattern, counting), false)
  assert.ok(steps < 10 * pattern.length * text.length, `${steps} steps`)
  assert.equal(matchesGlob('a*b*c', 'aXbYc'), true)
  assert.equal(matchesGlob('a*b*c', 'aXbY'), false)
  assert.equal(matchesGlob('**', ''), true)
  // The twin: one that goes back and tries again needs more steps than that on a tenth of the pattern and the text.
  let left = 10 * pattern.length * text.length
  const backtracking = (glob: string, rest: string): boolean => {
    if (left-- <= 0) throw new RangeError('out of steps')
    if (glob === '') return rest === ''
    if (glob[0] !== '*') return rest[0] === glob[0] && backtracking(glob.slice(1), rest.slice(1))
    for (let at = 0; at <= rest.length; at++) if (backtracking(glob.slice(1), rest.slice(at))) return true
    return false
  }
  assert.throws(() => backtracking(`${'*a'.repeat(20)}*b`, 'a'.repeat(26)), RangeError)
})
