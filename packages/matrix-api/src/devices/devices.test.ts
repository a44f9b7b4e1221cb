import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '@starling/protocol'
import { startEncryption } from '../e2ee/testing/test-encryption.ts'
import { TestCrossSigning } from '../e2ee/testing/test-keys.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { DeviceStore } from './device-store.ts'
import { MAX_DEVICES_PER_USER } from './devices.ts'

const DEVICES = '/_matrix/client/v3/devices'

test('devices are listed with their names and when they were last seen', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A1')
  await here.user('alice', 'A2')
  await here.user('bob', 'B')
  const named = await here.api.request('PUT', `${DEVICES}/A2`, { as: alice, body: { display_name: 'Phone' } })
  assert.equal(named.status, 200)
  expectMatchesSpec('updateDevice', named)
  const answer = await here.api.request('GET', DEVICES, { as: alice })
  expectMatchesSpec('getDevices', answer)
  const devices = answer.body.devices as { device_id: string; display_name?: string; last_seen_ts?: number }[]
  assert.deepEqual(
    devices.map(({ device_id, display_name }) => [device_id, display_name]),
    [
      ['A1', undefined],
      ['A2', 'Phone'],
    ],
  )
  assert.equal(typeof devices[0]?.last_seen_ts, 'number')
  const one = await here.api.request('GET', `${DEVICES}/A2`, { as: alice })
  assert.deepEqual(one.body, { device_id: 'A2', display_name: 'Phone' })
  expectMatchesSpec('getDevice', one)
})

test('bad input 28: another user’s devices are not there', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A')
  const bob = await here.user('bob', 'B')
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', { display_name: 'mine' }],
  ] as const) {
    const answer = await here.api.request(method, `${DEVICES}/B`, { as: alice, ...(body ? { body } : {}) })
    assert.equal(answer.status, 404)
    assert.equal(answer.body.errcode, 'M_NOT_FOUND')
  }
  await here.encryption.devices.remove(alice.userId, ['B'])
  assert.equal((await here.api.request('GET', `${DEVICES}/B`, { as: bob })).status, 200, 'the twin: its owner has it')
})

test('a bad name is 400, no token 401', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A')
  for (const display_name of [1, 'x'.repeat(101)]) {
    assert.equal((await here.api.request('PUT', `${DEVICES}/A`, { as: alice, body: { display_name } })).status, 400)
  }
  assert.equal((await here.api.request('GET', DEVICES)).status, 401)
  const bad = await here.api.request('POST', '/_matrix/client/v3/delete_devices', { as: alice, body: { devices: 'A' } })
  assert.equal(bad.status, 400)
})

test('deleting a device asks for more than the token, and takes all that hangs on it', async () => {
  await using here = await startEncryption()
  const owner = await here.user('p2p', 'KEPT')
  const lost = await here.client('p2p', 'LOST', ['K1', 'K2'])
  const bob = await here.user('bob', 'B')
  const messages = { [owner.userId]: { LOST: {} } }
  await here.api.request('PUT', '/_matrix/client/v3/sendToDevice/m.test/t', { as: bob, body: { messages } })

  const challenge = await here.api.request('DELETE', `${DEVICES}/LOST`, { as: owner, body: {} })
  assert.equal(challenge.status, 401)
  expectMatchesSpec('deleteDevice', challenge)
  assert.equal((await here.api.request('GET', `${DEVICES}/LOST`, { as: owner })).status, 200)

  const { session } = challenge.body
  here.approve(session)
  const other = await here.api.request('DELETE', `${DEVICES}/KEPT`, { as: owner, body: { auth: { session } } })
  assert.equal(other.status, 401, 'what was approved for one device is not for another')
  const done = await here.api.request('DELETE', `${DEVICES}/LOST`, { as: owner, body: { auth: { session } } })
  assert.equal(done.status, 200)

  assert.equal((await here.api.request('GET', DEVICES, { as: lost })).status, 401, 'its token is dead')
  const { encryption } = here
  const counts = await encryption.oneTimeKeys.oneTimeKeyCounts(owner.userId, 'LOST')
  assert.deepEqual(counts, { signed_curve25519: 0 })
  assert.deepEqual(await encryption.inbox.messages(owner.userId, 'LOST', 0, 1_000, 10), [])
  const list = await encryption.forServers.devices(owner.userId)
  assert.deepEqual(list?.devices, [])
  const update = here.link.sent.at(-1)
  assert.deepEqual(
    [update?.content.device_id, update?.content.deleted, list?.stream_id],
    ['LOST', true, update?.content.stream_id],
  )
})

test('several devices are deleted at once, and one that is not there is no error', async () => {
  await using here = await startEncryption()
  const owner = await here.user('p2p', 'KEPT')
  await here.user('p2p', 'L1')
  await here.user('p2p', 'L2')
  const remove = (auth?: { session: string }) =>
    here.api.request('POST', '/_matrix/client/v3/delete_devices', {
      as: owner,
      body: { devices: ['L1', 'L2', 'UNKNOWN'], ...(auth ? { auth } : {}) },
    })
  const challenge = await remove()
  assert.equal(challenge.status, 401)
  here.approve(challenge.body.session)
  const done = await remove({ session: challenge.body.session })
  assert.equal(done.status, 200)
  expectMatchesSpec('deleteDevices', done)
  assert.deepEqual(await here.encryption.devices.list(owner.userId), ['KEPT'])
})

test('a device may not be named like a cross-signing key: 403', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A')
  const keys = new TestCrossSigning(alice.userId)
  const { crossSigning } = here.encryption
  await crossSigning.upload(alice.userId, crossSigning.parse(alice.userId, keys.upload()))
  const named = here.encryption.devices.ensure(alice.userId, keys.master.publicKey, undefined)
  await assert.rejects(named, { status: 403, errcode: 'M_FORBIDDEN' })
})

test('ids that no device may have are refused, and so is one device too many', async () => {
  await using here = await startEncryption()
  const { devices } = here.encryption
  const alice = '@alice:here.test' as UserId
  for (const id of ['', '*', 'x'.repeat(513)]) await assert.rejects(devices.ensure(alice, id, undefined))
  const rows = new DeviceStore(here.api.store)
  const ids = Array.from({ length: MAX_DEVICES_PER_USER }, (_, index) => `D${index}`)
  await here.api.store.batch(ids.map((id) => rows.put(alice, id, { displayName: undefined, createdAt: 0 })))
  await assert.rejects(devices.ensure(alice, 'ONE MORE', undefined))
  await devices.ensure(alice, 'D5', undefined)
})
