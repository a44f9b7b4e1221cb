import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { sha1 } from './sha1.ts'

test('SHA-1: FIPS 180 examples, and the platform’s own on anything', () => {
  const hex = (text: string): string => Buffer.from(sha1(Buffer.from(text))).toString('hex')
  assert.equal(hex('abc'), 'a9993e364706816aba3e25717850c26c9cd0d89d')
  assert.equal(hex(''), 'da39a3ee5e6b4b0d3255bfef95601890afd80709')
  assert.equal(hex('a'.repeat(1_000_000)), '34aa973cd4c4daa4f61eeb2bdbad27316534016f')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.deepEqual(sha1(bytes), new Uint8Array(createHash('sha1').update(bytes).digest()))
    }),
  )
})
