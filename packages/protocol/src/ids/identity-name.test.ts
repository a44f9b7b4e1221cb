import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { base32, base32upper } from 'multiformats/bases/base32'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { identity } from 'multiformats/hashes/identity'
import { publicKeyFromServerName, serverNameFromPublicKey } from './identity-name.ts'
import { parseServerName } from './server-name.ts'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('a server name holds its identity key: CIDv1, libp2p-key, identity multihash, base32', () => {
  fc.assert(
    fc.property(key, (publicKey) => {
      const name = serverNameFromPublicKey(publicKey)
      assert.match(name, /^bafzaaj[a-z2-7]{58}$/)
      assert.equal(parseServerName(name), name)
      assert.deepEqual(publicKeyFromServerName(name), publicKey)
      const cid = CID.parse(name)
      assert.equal(cid.code, 0x72)
      assert.deepEqual([...cid.multihash.digest.slice(0, 4)], [8, 1, 18, 32])
    }),
  )
})

test('one key has one name: every other text of the same key is refused', () => {
  const publicKey = new Uint8Array(32).fill(7)
  const name = serverNameFromPublicKey(publicKey)
  const protobuf = Uint8Array.of(8, 1, 18, 32, ...publicKey)
  const others = [
    name.toUpperCase(),
    CID.parse(name).toString(base58btc),
    CID.parse(name).toString(base32upper),
    CID.createV1(0x70, identity.digest(protobuf)).toString(base32),
    CID.createV1(0x72, identity.digest(Uint8Array.of(8, 0, 18, 32, ...publicKey))).toString(base32),
    CID.createV1(0x72, create(0x12, protobuf)).toString(base32),
    `${name}a`,
    name.slice(0, -1),
    // The last character carries unused bits.
    ...[...'abcdefghijklmnopqrstuvwxyz234567'].filter((c) => !name.endsWith(c)).map((c) => name.slice(0, -1) + c),
  ]
  for (const other of others) {
    const found = publicKeyFromServerName(other)
    if (found !== undefined) assert.notDeepEqual(found, publicKey, other)
  }
  for (const foreign of ['matrix.org', '', 'b', 'b'.repeat(65), 'bafz\0']) {
    assert.equal(publicKeyFromServerName(foreign), undefined)
  }
  assert.throws(() => serverNameFromPublicKey(new Uint8Array(31)), RangeError)
})
