import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertBase64, decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from './base64.ts'
import { IdError } from './id-error.ts'

test('appendices, "Unpadded Base64": the examples', () => {
  const examples = [
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ] as const
  for (const [plain, encoded] of examples) {
    assert.equal(encodeBase64(Buffer.from(plain)), encoded)
    assert.deepEqual(decodeBase64(encoded), new Uint8Array(Buffer.from(plain)))
    assert.deepEqual(decodeBase64(Buffer.from(plain).toString('base64')), new Uint8Array(Buffer.from(plain)))
  }
})

test('both alphabets agree with the platform and round-trip', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(encodeBase64(bytes), Buffer.from(bytes).toString('base64').replaceAll('=', ''))
      assert.equal(encodeBase64Url(bytes), Buffer.from(bytes).toString('base64url'))
      assert.deepEqual(decodeBase64(encodeBase64(bytes), { canonical: true }), bytes)
      assert.deepEqual(decodeBase64Url(encodeBase64Url(bytes), { canonical: true }), bytes)
    }),
  )
})

test('what is no base64 is refused', () => {
  for (const text of ['Z', 'Zm9vY', 'Zg=', 'Zg===', '=', '====', 'Z g', 'Zm9-', 'Zm9é', 'Zm9\u0141', undefined, 3]) {
    assert.equal(decodeBase64(text), undefined, String(text))
  }
  assert.equal(decodeBase64Url('Zm9+'), undefined)
  assert.throws(() => assertBase64('?'), IdError)
})

test('canonical takes one text per value: no padding, unused bits zero', () => {
  assert.deepEqual(decodeBase64('Zh'), new Uint8Array([0x66]))
  assert.equal(decodeBase64('Zh', { canonical: true }), undefined)
  assert.equal(decodeBase64('Zg==', { canonical: true }), undefined)
})
