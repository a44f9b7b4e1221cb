import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, UserId } from '@starling/protocol'
import type { TestAnswer } from '../../testing/test-api.ts'
import { otherServer } from '../testing/other-server.ts'
import { startEncryption, type TestClient, type TestEncryption } from '../testing/test-encryption.ts'
import { TestCrossSigning, TestDevice } from '../testing/test-keys.ts'

const QUERY = '/_matrix/client/v3/keys/query'
const BOB = '@bob:there.test' as UserId

function query(here: TestEncryption, as: TestClient, users: readonly string[] = [BOB]): Promise<TestAnswer> {
  const body = { device_keys: Object.fromEntries(users.map((user) => [user, []])), timeout: 2_000 }
  return here.api.request('POST', QUERY, { as, body })
}

function devicesIn(answer: TestAnswer, user: string = BOB): string[] {
  return Object.keys(answer.body.device_keys[user] ?? {})
}

/** Alice here and Bob there, who share a room. */
async function pair(here: TestEncryption) {
  const there = await otherServer(here)
  const alice = await here.client('alice', 'ALICE')
  here.rooms.share(alice.userId, BOB)
  const bob = await there.client('bob', 'BOB1', ['K1'])
  return { there, alice, bob }
}

test('a remote user’s devices are fetched once and then kept current by updates', async () => {
  await using here = await startEncryption()
  const { there, alice } = await pair(here)
  assert.deepEqual(devicesIn(await query(here, alice)), ['BOB1'])
  await there.encryption.devices.rename(BOB, 'BOB1', 'Phone')
  await there.client('bob', 'BOB2')
  there.link.online = true
  const answer = await query(here, alice)
  assert.deepEqual(devicesIn(answer).sort(), ['BOB1', 'BOB2'])
  assert.equal(answer.body.device_keys[BOB].BOB1.unsigned.device_display_name, 'Phone')
  await there.encryption.devices.remove(BOB, ['BOB1'])
  assert.deepEqual(devicesIn(await query(here, alice)), ['BOB2'])
  assert.deepEqual(here.link.asked, ['devices'])
})

test('a missed update is noticed by the next one and made up for', async () => {
  await using here = await startEncryption()
  const { there, alice } = await pair(here)
  await query(here, alice)
  there.link.online = false
  await there.client('bob', 'BOB2')
  there.link.online = true
  await there.client('bob', 'BOB3')
  assert.deepEqual(devicesIn(await query(here, alice)).sort(), ['BOB1', 'BOB2', 'BOB3'])
  assert.deepEqual(here.link.asked, ['devices', 'devices'])
})

test('local users who share a room learn of the change, others do not', async () => {
  await using here = await startEncryption()
  const { there, alice } = await pair(here)
  const carol = await here.client('carol', 'CAROL')
  const before = here.api.positions.current()
  await there.client('bob', 'BOB2')
  const now = here.api.positions.current()
  const changes = (userId: UserId) => here.encryption.deviceListChanges.changes(userId, before, now)
  assert.deepEqual(await changes(alice.userId), { changed: [BOB], left: [] })
  assert.deepEqual(await changes(carol.userId), { changed: [], left: [] })
})

test('without a shared room nothing is cached and updates are ignored', async () => {
  await using here = await startEncryption()
  const there = await otherServer(here)
  const alice = await here.client('alice', 'ALICE')
  await there.client('bob', 'BOB1')
  const before = here.api.positions.current()
  assert.deepEqual(devicesIn(await query(here, alice)), ['BOB1'])
  await there.client('bob', 'BOB2')
  assert.deepEqual(devicesIn(await query(here, alice)).sort(), ['BOB1', 'BOB2'])
  assert.deepEqual(here.link.asked, ['queryKeys', 'queryKeys'])
  assert.equal(here.api.positions.current(), before)
})

test('an unreachable server is a failure, with what is cached of its users', async () => {
  await using here = await startEncryption()
  const { there, alice } = await pair(here)
  await query(here, alice)
  there.link.online = false
  await there.client('bob', 'BOB2')
  there.link.online = true
  await there.client('bob', 'BOB3')
  here.link.online = false
  const answer = await query(here, alice, [BOB, alice.userId])
  assert.equal(answer.status, 200)
  assert.deepEqual(Object.keys(answer.body.failures), ['there.test'])
  assert.deepEqual(devicesIn(answer), ['BOB1'], 'as last known')
  assert.deepEqual(devicesIn(answer, alice.userId), ['ALICE'], 'others are not held up')
})

test('a server that never answers costs the client its timeout and no more', async () => {
  await using here = await startEncryption()
  const { alice } = await pair(here)
  const hanging = here.link.remote as unknown as { devices: () => Promise<JsonObject> }
  hanging.devices = () => new Promise(() => undefined)
  const body = { device_keys: { [BOB]: [] }, timeout: 20 }
  const answer = await here.api.request('POST', QUERY, { as: alice, body })
  assert.deepEqual(Object.keys(answer.body.failures), ['there.test'])
})

test('bad input 20: what another server claims about devices is checked before a client sees it', async () => {
  await using here = await startEncryption()
  const { alice, bob } = await pair(here)
  const mallory = new TestDevice(BOB, 'EVIL')
  const keys = new TestCrossSigning(BOB)
  const foreign = new TestCrossSigning('@carol:there.test')
  here.link.tamper = (answer) => ({
    ...answer,
    devices: [
      ...(answer.devices as JsonObject[]),
      { device_id: 'EVIL', keys: { ...mallory.deviceKeys(), algorithms: [] } },
      { device_id: 'OTHER', keys: mallory.deviceKeys() },
      { device_id: 'SHAPE', keys: { user_id: BOB, device_id: 'SHAPE', algorithms: {}, keys: [], signatures: 1 } },
      { device_id: 'CAROL', keys: new TestDevice('@carol:there.test', 'CAROL').deviceKeys() },
      null,
    ],
    master_key: keys.masterKey(),
    self_signing_key: foreign.upload().self_signing_key,
  })
  const answer = await query(here, alice)
  assert.deepEqual(devicesIn(answer), [bob.deviceId])
  assert.deepEqual(Object.keys(answer.body.master_keys), [BOB])
  assert.deepEqual(answer.body.self_signing_keys, {}, 'not signed by that master key')

  // The twin: the same device, properly signed, is shown.
  await using again = await startEncryption()
  const honest = await pair(again)
  again.link.tamper = (original) => ({
    ...original,
    devices: [...(original.devices as JsonObject[]), { device_id: 'EVIL', keys: mallory.deviceKeys() }],
  })
  assert.deepEqual(devicesIn(await query(again, honest.alice)).sort(), [bob.deviceId, 'EVIL'])
})

test('answers that are no device lists are survived', async () => {
  await using here = await startEncryption()
  const { alice } = await pair(here)
  for (const answer of [{}, { devices: 1 }, { user_id: BOB, devices: {} }, { user_id: '@x:y', devices: [] }]) {
    here.link.tamper = () => answer as unknown as JsonObject
    assert.equal((await query(here, alice)).status, 200)
  }
})

test('malformed updates change nothing', async () => {
  await using here = await startEncryption()
  const { alice } = await pair(here)
  await query(here, alice)
  for (const content of [
    {},
    { user_id: '@carol:there.test', device_id: 'X', stream_id: 1 },
    { user_id: BOB, device_id: 1, stream_id: 1 },
    { user_id: BOB, device_id: 'X', stream_id: 'one' },
    { user_id: BOB, device_id: 'X', stream_id: -1 },
  ] as JsonObject[]) {
    await here.encryption.forServers.remoteDevicesChanged(BOB, content)
  }
  assert.deepEqual(devicesIn(await query(here, alice)), ['BOB1'])
  assert.deepEqual(here.link.asked, ['devices'])
})

test('new cross-signing keys reach the other server', async () => {
  await using here = await startEncryption()
  const { there, alice } = await pair(here)
  await query(here, alice)
  const keys = new TestCrossSigning(BOB)
  await there.encryption.crossSigning.upload(BOB, there.encryption.crossSigning.parse(BOB, keys.upload()))
  const answer = await query(here, alice)
  assert.deepEqual(answer.body.master_keys[BOB].keys, keys.masterKey().keys)
  assert.ok(answer.body.self_signing_keys[BOB])
  assert.deepEqual(answer.body.user_signing_keys, {}, 'the user-signing key is for its owner only')
  assert.deepEqual(here.link.asked, ['devices'])
})

test('one-time keys are claimed from the other server, and checked', async () => {
  await using here = await startEncryption()
  const { alice, bob } = await pair(here)
  const claim = () =>
    here.api.request('POST', '/_matrix/client/v3/keys/claim', {
      as: alice,
      body: { one_time_keys: { [BOB]: { [bob.deviceId]: 'signed_curve25519' } } },
    })
  const claimed = await claim()
  assert.deepEqual(Object.keys(claimed.body.one_time_keys[BOB].BOB1), ['signed_curve25519:K1'])
  here.link.tamper = () => ({
    one_time_keys: { [BOB]: { BOB1: { 'signed_curve25519:X': { key: 'short' }, 'ed25519:Y': 'z' } }, '@x:y': {} },
  })
  assert.deepEqual((await claim()).body, { one_time_keys: {}, failures: {} })
  here.link.online = false
  assert.deepEqual(Object.keys((await claim()).body.failures), ['there.test'])
})

test('what is not handed to the outbox is announced after a restart', async () => {
  await using here = await startEncryption()
  const store = here.api.store
  const down = here.link.outbound as unknown as { deviceListUpdate: () => Promise<void> }
  const working = down.deviceListUpdate
  down.deviceListUpdate = () => Promise.reject(new Error('stopped'))
  await here.client('alice', 'ALICE')
  assert.equal(here.link.sent.length, 0)
  down.deviceListUpdate = working
  await using again = await startEncryption({ store })
  assert.deepEqual(
    again.link.sent.map(({ kind, content }) => [kind, content.device_id, content.prev_id]),
    [['m.device_list_update', 'ALICE', []]],
  )
})
