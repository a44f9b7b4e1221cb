import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from '../http/matrix-error.ts'
import {
  formatPageToken,
  formatSlidingPos,
  formatSyncToken,
  parsePageToken,
  parsePosition,
  parseSyncToken,
} from './position-token.ts'

test('tokens come back as they went out', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      const token = { position: Math.max(a, b), toDevice: Math.min(a, b) }
      assert.deepEqual(parseSyncToken(formatSyncToken(token), Number.MAX_SAFE_INTEGER), token)
      assert.equal(parsePageToken(formatPageToken(a), 'from'), a)
      assert.equal(parsePageToken(formatPageToken(-b), 'from'), -b || 0)
      assert.equal(parsePageToken(formatSyncToken(token), 'from'), token.position)
      const pos = formatSlidingPos(a, 'a1')
      assert.equal(parsePageToken(pos, 'from'), a)
      assert.equal(parsePosition(pos, Number.MAX_SAFE_INTEGER), a)
      assert.equal(parsePosition(formatSyncToken(token), Number.MAX_SAFE_INTEGER), token.position)
      assert.throws(() => parseSyncToken(pos, Number.MAX_SAFE_INTEGER), MatrixError)
    }),
  )
})

test('bad input 16: nothing but own tokens is taken, and nothing makes parsing fail otherwise', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[st]?-?[0-9_.e]{0,20}$/)), (text) => {
      for (const parse of [() => parseSyncToken(text, 5), () => parsePageToken(text, 'from')]) {
        try {
          parse()
        } catch (error) {
          assert.ok(error instanceof MatrixError && error.status === 400)
        }
      }
    }),
  )
  assert.throws(() => parseSyncToken('s6', 5), MatrixError)
  assert.throws(() => parseSyncToken('s5_6', 5), MatrixError)
  assert.throws(() => parsePosition('p6_a', 5), MatrixError)
  assert.throws(() => parsePosition('p5', 5), MatrixError)
})
