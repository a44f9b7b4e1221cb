import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestAnswer, TestUser } from '../../testing/test-api.ts'
import { startEncryption, type TestClient, type TestEncryption } from '../testing/test-encryption.ts'
import { TestCrossSigning, TestDevice } from '../testing/test-keys.ts'

const UPLOAD = '/_matrix/client/v3/keys/device_signing/upload'
const SIGN = '/_matrix/client/v3/keys/signatures/upload'

function query(here: TestEncryption, as: TestUser, of: TestUser): Promise<TestAnswer> {
  return here.api.request('POST', '/_matrix/client/v3/keys/query', { as, body: { device_keys: { [of.userId]: [] } } })
}

async function withKeys(here: TestEncryption, localpart: string, deviceId: string) {
  const user = await here.client(localpart, deviceId)
  const keys = new TestCrossSigning(user.userId)
  const answer = await here.api.request('POST', UPLOAD, { as: user, body: keys.upload() })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return { user, keys }
}

function sign(here: TestEncryption, as: TestClient, user: string, key: string, signed: JsonObject) {
  return here.api.request('POST', SIGN, { as, body: { [user]: { [key]: signed } } })
}

test('the first keys need no authentication, the same keys again neither, other keys do', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'p2p', 'A')
  for (const path of [UPLOAD, '/_matrix/client/unstable/keys/device_signing/upload']) {
    assert.equal((await here.api.request('POST', path, { as: alice, body: keys.upload() })).status, 200)
  }
  const next = new TestCrossSigning(alice.userId)
  const challenge = await here.api.request('POST', UPLOAD, { as: alice, body: next.upload() })
  assert.equal(challenge.status, 401)
  assert.deepEqual(challenge.body.flows, [{ stages: ['m.login.sso'] }])
  const seen = await query(here, alice, alice)
  assert.deepEqual(seen.body.master_keys[alice.userId].keys, keys.masterKey().keys, 'nothing has changed yet')

  here.approve(challenge.body.session)
  const body = { ...next.upload(), auth: { session: challenge.body.session } }
  assert.equal((await here.api.request('POST', UPLOAD, { as: alice, body })).status, 200)
  const replaced = await query(here, alice, alice)
  assert.deepEqual(replaced.body.master_keys[alice.userId].keys, next.masterKey().keys)
})

test('keys of a wrong shape, a wrong signature or without a master key are refused', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice', 'A')
  const keys = new TestCrossSigning(alice.userId)
  const other = new TestCrossSigning(alice.userId)
  const good = keys.upload()
  const master = keys.masterKey()
  for (const [errcode, body] of [
    ['M_INVALID_SIGNATURE', { ...good, self_signing_key: other.upload().self_signing_key }],
    ['M_INVALID_SIGNATURE', { ...good, master_key: other.masterKey() }],
    ['M_MISSING_PARAM', { self_signing_key: good.self_signing_key }],
    ['M_INVALID_PARAM', { ...good, master_key: { ...master, user_id: '@bob:here.test' } }],
    ['M_INVALID_PARAM', { ...good, master_key: { ...master, usage: ['self_signing'] } }],
    ['M_INVALID_PARAM', { ...good, master_key: { ...master, keys: { 'ed25519:a': 'a' } } }],
    ['M_INVALID_PARAM', { ...good, master_key: { ...master, keys: {} } }],
    ['M_BAD_JSON', { ...good, master_key: 'key' }],
    ['M_BAD_JSON', { ...good, master_key: { ...master, signatures: [] } }],
  ] as const) {
    const answer = await here.api.request('POST', UPLOAD, { as: alice, body: body as JsonObject })
    assert.equal(answer.status, 400)
    assert.equal(answer.body.errcode, errcode)
    expectMatchesSpec('uploadCrossSigningKeys', answer)
  }
  assert.deepEqual((await query(here, alice, alice)).body.master_keys, {})
})

test('a key that is named like a device is refused, and so is a device named like a key', async () => {
  await using here = await startEncryption()
  const keys = new TestCrossSigning('@p2p:here.test')
  const alice = await here.user('p2p', keys.master.publicKey)
  const answer = await here.api.request('POST', UPLOAD, { as: alice, body: keys.upload() })
  assert.equal(answer.status, 403)
  const { user: bob, keys: bobs } = await withKeys(here, 'bob', 'B')
  await assert.rejects(here.encryption.devices.ensure(bob.userId, bobs.selfSigning.publicKey, undefined))
})

test('a device signed by the self-signing key is seen so by everybody', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'alice', 'A')
  const bob = await here.client('bob', 'B')
  const signed = keys.selfSigning.sign({ ...alice.device.deviceKeys(), signatures: {} }, alice.userId)
  const answer = await sign(here, alice, alice.userId, 'A', signed)
  assert.deepEqual(answer.body, { failures: {} })
  expectMatchesSpec('uploadCrossSigningSignatures', answer)
  const name = `ed25519:${keys.selfSigning.publicKey}`
  const seen = await query(here, bob, alice)
  const signatures = seen.body.device_keys[alice.userId].A.signatures[alice.userId]
  assert.deepEqual(Object.keys(signatures).sort(), ['ed25519:A', name].sort())
  const update = here.link.sent.at(-1)
  assert.equal(update?.kind, 'm.device_list_update')
  const told = update?.content.keys as { signatures: Record<string, Record<string, string>> }
  assert.ok(told.signatures[alice.userId]?.[name], 'other servers are told')
})

test('a signature on somebody’s master key is seen by the signer only', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'alice', 'A')
  const { user: bob, keys: bobs } = await withKeys(here, 'bob', 'B')
  const carol = await here.client('carol', 'C')
  const before = here.link.sent.length
  const from = here.api.positions.current()
  const signed = keys.userSigning.sign(bobs.masterKey(), alice.userId)
  const answer = await sign(here, alice, bob.userId, bobs.master.publicKey, signed)
  assert.deepEqual(answer.body, { failures: {} })
  const signersSeenBy = async (viewer: TestUser) =>
    Object.keys((await query(here, viewer, bob)).body.master_keys[bob.userId].signatures ?? {})
  assert.deepEqual(await signersSeenBy(alice), [alice.userId])
  assert.deepEqual(await signersSeenBy(bob), [])
  assert.deepEqual(await signersSeenBy(carol), [])
  assert.equal(here.link.sent.length, before, 'and no server is told')
  for (const viewer of [bob, carol]) here.rooms.share(viewer.userId, bob.userId)
  const changedFor = async (viewer: TestUser) =>
    (await here.encryption.deviceListChanges.changes(viewer.userId, from, here.api.positions.current())).changed
  assert.deepEqual(await changedFor(alice), [bob.userId], 'the signer’s other devices look again')
  assert.deepEqual(await changedFor(bob), [])
  assert.deepEqual(await changedFor(carol), [], 'that somebody was verified is nobody’s business')
  assert.deepEqual(Object.keys((await query(here, alice, alice)).body.user_signing_keys), [alice.userId])
  assert.deepEqual((await query(here, carol, alice)).body.user_signing_keys, {})
})

test('own devices may sign the own master key', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'alice', 'A')
  const bob = await here.client('bob', 'B')
  const signed = alice.device.key.sign(keys.masterKey(), alice.userId, 'A')
  const answer = await sign(here, alice, alice.userId, keys.master.publicKey, signed)
  assert.deepEqual(answer.body, { failures: {} })
  const seen = await query(here, bob, alice)
  assert.deepEqual(Object.keys(seen.body.master_keys[alice.userId].signatures[alice.userId]), ['ed25519:A'])
})

test('signatures that do not hold are failures, each for itself', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'alice', 'A')
  const { user: bob, keys: bobs } = await withKeys(here, 'bob', 'B')
  const device = { ...alice.device.deviceKeys(), signatures: {} }
  const good = keys.selfSigning.sign(device, alice.userId)
  const name = `ed25519:${keys.selfSigning.publicKey}`
  for (const [what, user, key, signed, errcode] of [
    ['by a key that may not', alice.userId, 'A', keys.userSigning.sign(device, alice.userId), 'M_INVALID_SIGNATURE'],
    [
      'wrong bytes',
      alice.userId,
      'A',
      { ...device, signatures: { [alice.userId]: { [name]: 'A'.repeat(86) } } },
      'M_INVALID_SIGNATURE',
    ],
    ['unsigned', alice.userId, 'A', device, 'M_INVALID_SIGNATURE'],
    ['another key’s content', alice.userId, 'A', { ...good, algorithms: [] }, 'M_INVALID_PARAM'],
    ['an unknown device', alice.userId, 'X', good, 'M_NOT_FOUND'],
    ['somebody else’s device', bob.userId, 'B', good, 'M_NOT_FOUND'],
    [
      'by the self-signing key',
      bob.userId,
      bobs.master.publicKey,
      keys.selfSigning.sign(bobs.masterKey(), alice.userId),
      'M_INVALID_SIGNATURE',
    ],
    ['no user', 'bob', 'B', good, 'M_INVALID_PARAM'],
  ] as const) {
    const answer = await sign(here, alice, user, key, signed as JsonObject)
    assert.equal(answer.status, 200)
    assert.equal(answer.body.failures[user][key].errcode, errcode, what)
  }
  const mixed = { [alice.userId]: { A: good, X: good } }
  const answer = await here.api.request('POST', SIGN, { as: alice, body: mixed })
  assert.deepEqual(Object.keys(answer.body.failures[alice.userId]), ['X'])
})

test('a new master key ends the old keys and their signatures', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'p2p', 'A')
  const signed = keys.selfSigning.sign({ ...alice.device.deviceKeys(), signatures: {} }, alice.userId)
  await sign(here, alice, alice.userId, 'A', signed)
  const next = new TestCrossSigning(alice.userId)
  const body = { master_key: next.masterKey() }
  const { body: challenge } = await here.api.request('POST', UPLOAD, { as: alice, body })
  here.approve(challenge.session)
  const auth = { session: challenge.session }
  assert.equal((await here.api.request('POST', UPLOAD, { as: alice, body: { ...body, auth } })).status, 200)
  const seen = (await query(here, alice, alice)).body
  assert.deepEqual(seen.self_signing_keys, {})
  assert.deepEqual(Object.keys(seen.device_keys[alice.userId].A.signatures[alice.userId]), ['ed25519:A'])
  assert.ok(new TestDevice(alice.userId, 'A'))
})

test('an account that is over leaves no keys, signatures or backups', async () => {
  await using here = await startEncryption()
  const { user: alice, keys } = await withKeys(here, 'alice', 'A')
  const { user: bob, keys: bobs } = await withKeys(here, 'bob', 'B')
  await sign(here, alice, bob.userId, bobs.master.publicKey, keys.userSigning.sign(bobs.masterKey(), alice.userId))
  await here.encryption.keyBackup.createVersion(alice.userId, 'm.test', {})
  await here.encryption.devices.remove(alice.userId, ['A'])
  await here.encryption.eraseUser(alice.userId)
  const list = await here.encryption.forServers.devices(alice.userId)
  assert.deepEqual([list?.devices, list?.master_key], [[], undefined])
  await assert.rejects(here.encryption.keyBackup.info(alice.userId), { errcode: 'M_NOT_FOUND' })
  assert.deepEqual((await query(here, bob, bob)).body.master_keys[bob.userId].signatures, {})
})
