import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import { startEncryption } from '../testing/test-encryption.ts'
import { TestDevice } from '../testing/test-keys.ts'

const UPLOAD = '/_matrix/client/v3/keys/upload'
const QUERY = '/_matrix/client/v3/keys/query'

test('uploaded keys are counted and can be queried', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice')
  const device = new TestDevice(alice.userId, alice.deviceId)
  const deviceKeys = device.deviceKeys()
  const answer = await here.api.request('POST', UPLOAD, {
    as: alice,
    body: { device_keys: deviceKeys, one_time_keys: device.oneTimeKeys(['AAAAAQ', 'AAAAAg']) },
  })
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, { one_time_key_counts: { signed_curve25519: 2 } })
  expectMatchesSpec('uploadKeys', answer)

  const query = await here.api.request('POST', QUERY, { as: alice, body: { device_keys: { [alice.userId]: [] } } })
  assert.equal(query.status, 200)
  expectMatchesSpec('queryKeys', query)
  assert.deepEqual(query.body.device_keys[alice.userId][alice.deviceId], { ...deviceKeys, unsigned: {} })
  assert.deepEqual(query.body.failures, {})
})

test('an empty upload only counts, and /r0 is the same', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice', 'A', ['AAAAAQ'])
  const answer = await here.api.request('POST', '/_matrix/client/r0/keys/upload', { as: alice, body: {} })
  assert.deepEqual(answer.body, { one_time_key_counts: { signed_curve25519: 1 } })
})

test('bad input 20: malformed device keys are refused and never sent on', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice')
  const device = new TestDevice(alice.userId, alice.deviceId)
  const good = device.deviceKeys()
  const bad: Readonly<Record<string, JsonObject['x']>> = {
    'not an object': 'keys',
    'another user': new TestDevice('@bob:here.test', alice.deviceId).deviceKeys(),
    'another device': new TestDevice(alice.userId, 'OTHER').deviceKeys(),
    'algorithms as an object': { ...good, algorithms: { 0: 'm.olm' } },
    'algorithms of numbers': { ...good, algorithms: [1] },
    'keys as a list': { ...good, keys: [] },
    'a key that is an object': device.deviceKeys({ keys: { [`ed25519:${alice.deviceId}`]: {} } }),
    'a key of another device': device.deviceKeys({ keys: { 'ed25519:OTHER': device.key.publicKey } }),
    'a short key': device.deviceKeys({ keys: { [`curve25519:${alice.deviceId}`]: 'AAAA' } }),
    'no signatures': { ...good, signatures: null },
    'signatures as a list': { ...good, signatures: [] },
    'a signature that is a number': { ...good, signatures: { [alice.userId]: { [`ed25519:${alice.deviceId}`]: 1 } } },
    'a wrong signature': { ...good, algorithms: [] },
    'another signer': new TestDevice(alice.userId, alice.deviceId).key.sign(
      { ...good, signatures: {} },
      alice.userId,
      alice.deviceId,
    ),
  }
  for (const [what, deviceKeys] of Object.entries(bad)) {
    const answer = await here.api.request('POST', UPLOAD, { as: alice, body: { device_keys: deviceKeys } })
    assert.equal(answer.status, 400, what)
    expectMatchesSpec('uploadKeys', answer)
  }
  assert.deepEqual(here.link.sent, [])
  assert.deepEqual((await here.encryption.forServers.devices(alice.userId))?.devices, [])

  // The twin: what is well-formed is stored and told.
  const answer = await here.api.request('POST', UPLOAD, { as: alice, body: { device_keys: good } })
  assert.equal(answer.status, 200)
  assert.equal(here.link.sent.length, 1)
})

test('bad input 20: malformed one-time keys are refused as a whole', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice')
  const good = alice.device.oneTimeKeys(['AAAAAQ'])
  const [key] = Object.values(good) as JsonObject[]
  const bad: Readonly<Record<string, JsonObject>> = {
    'no algorithm': { AAAAAg: key },
    'a number': { 'signed_curve25519:AAAAAg': 1 },
    'an unsigned signed key': { 'signed_curve25519:AAAAAg': key?.key },
    'no key': { 'signed_curve25519:AAAAAg': { signatures: {} } },
    'no signatures': { 'signed_curve25519:AAAAAg': { key: key?.key } },
    'a short key': { 'signed_curve25519:AAAAAg': { ...key, key: 'AAAA' } },
  }
  for (const [what, keys] of Object.entries(bad)) {
    const body = { one_time_keys: { ...good, ...keys } }
    const answer = await here.api.request('POST', UPLOAD, { as: alice, body })
    assert.equal(answer.status, 400, what)
  }
  const counts = await here.encryption.oneTimeKeys.oneTimeKeyCounts(alice.userId, alice.deviceId)
  assert.deepEqual(counts, { signed_curve25519: 0 })
})

test('a one-time key uploaded again is no error, under another content it is', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice')
  const keys = alice.device.oneTimeKeys(['AAAAAQ'])
  for (let round = 0; round < 2; round++) {
    const answer = await here.api.request('POST', UPLOAD, { as: alice, body: { one_time_keys: keys } })
    assert.deepEqual(answer.body, { one_time_key_counts: { signed_curve25519: 1 } })
  }
  const other = alice.device.oneTimeKeys(['AAAAAQ', 'AAAAAg'])
  const answer = await here.api.request('POST', UPLOAD, { as: alice, body: { one_time_keys: other } })
  assert.equal(answer.status, 400)
  const counts = await here.encryption.oneTimeKeys.oneTimeKeyCounts(alice.userId, alice.deviceId)
  assert.deepEqual(counts, { signed_curve25519: 1 }, 'nothing of a refused upload is kept')
})

test('device names that are special in JavaScript are plain data', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice', '__proto__', ['AAAAAQ'])
  const query = await here.api.request('POST', QUERY, { as: alice, body: { device_keys: { [alice.userId]: [] } } })
  assert.deepEqual(Object.keys(query.body.device_keys[alice.userId]), ['__proto__'])
})
