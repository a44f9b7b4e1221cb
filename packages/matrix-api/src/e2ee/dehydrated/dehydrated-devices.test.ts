import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, UserId } from '@starling/protocol'
import { MemoryStore } from '../../testing/memory-store.ts'
import type { TestUser } from '../../testing/test-api.ts'
import { startEncryption, type TestEncryption } from '../testing/test-encryption.ts'
import { TestDevice } from '../testing/test-keys.ts'

const PATH = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
const DATA = { algorithm: 'org.matrix.msc3814.v2', device_pickle: 'secret' }
/** Device ids are public keys in base64: with slashes and pluses. */
const ID = 'dehydrated/+1'

function put(here: TestEncryption, as: TestUser, deviceId: string, more: JsonObject = {}) {
  const device = new TestDevice(as.userId, deviceId)
  const body = {
    device_id: deviceId,
    device_data: DATA,
    initial_device_display_name: 'Dehydrated',
    device_keys: device.deviceKeys({ dehydrated: true }),
    one_time_keys: device.oneTimeKeys(['K1', 'K2']),
    fallback_keys: {},
    ...more,
  }
  return here.api.request('PUT', PATH, { as, body })
}

const get = (here: TestEncryption, as: TestUser) => here.api.request('GET', PATH, { as })

function events(here: TestEncryption, as: TestUser, deviceId: string, body: JsonObject = {}) {
  return here.api.request('POST', `${PATH}/${encodeURIComponent(deviceId)}/events`, { as, body })
}

function page(here: TestEncryption, as: TestUser, deviceId: string, from?: string) {
  const query = from === undefined ? '' : `?from=${encodeURIComponent(from)}`
  return here.api.request('GET', `${PATH}/${encodeURIComponent(deviceId)}/events${query}`, { as })
}

/** Somebody whose dehydrated device has so many messages waiting. */
async function withMessages(here: TestEncryption, count: number): Promise<TestUser> {
  const [alice, bob] = [await here.user('alice', 'A'), await here.user('bob', 'B')]
  await put(here, alice, ID)
  for (let n = 0; n < count; n++) {
    const path = `/_matrix/client/v3/sendToDevice/m.room.encrypted/t${n}`
    const body = { messages: { [alice.userId]: { [ID]: { n } } } }
    assert.equal((await here.api.request('PUT', path, { as: bob, body })).status, 200)
  }
  return alice
}

/** What `withMessages` numbered, of one answer. */
function numbers(answer: { readonly body: { readonly events: { readonly content: { readonly n: number } }[] } }) {
  return answer.body.events.map(({ content }) => content.n)
}

async function keysOf(here: TestEncryption, as: TestUser): Promise<JsonObject> {
  const body = { device_keys: { [as.userId]: [] } }
  const answer = await here.api.request('POST', '/_matrix/client/v3/keys/query', { as, body })
  return answer.body.device_keys[as.userId] ?? {}
}

test('a dehydrated device is uploaded with its keys, seen as such by others, read back and deleted', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A')
  const none = await get(here, alice)
  assert.deepEqual([none.status, none.body.errcode], [404, 'M_NOT_FOUND'])
  const done = await put(here, alice, ID)
  assert.deepEqual([done.status, done.body], [200, { device_id: ID }])
  assert.deepEqual((await get(here, alice)).body, { device_id: ID, device_data: DATA })
  const keys = (await keysOf(here, alice))[ID] as JsonObject
  assert.equal(keys.dehydrated, true)
  assert.deepEqual(keys.unsigned, { device_display_name: 'Dehydrated' })
  assert.deepEqual(await here.encryption.oneTimeKeys.oneTimeKeyCounts(alice.userId, ID), { signed_curve25519: 2 })
  const gone = await here.api.request('DELETE', PATH, { as: alice })
  assert.deepEqual([gone.status, gone.body], [200, { device_id: ID }])
  assert.equal((await get(here, alice)).status, 404)
  assert.equal((await here.api.request('DELETE', PATH, { as: alice })).status, 404)
  assert.deepEqual(Object.keys(await keysOf(here, alice)), [])
})

test('one per user: a new one replaces the old one, under the same id too; others keep theirs', async () => {
  await using here = await startEncryption()
  const [alice, bob] = [await here.user('alice', 'A'), await here.user('bob', 'B')]
  await put(here, bob, 'of-bob')
  for (const id of ['one', 'two', 'two']) assert.equal((await put(here, alice, id)).status, 200)
  assert.deepEqual([...(await here.encryption.devices.list(alice.userId))].sort(), ['A', 'two'])
  assert.equal((await get(here, alice)).body.device_id, 'two')
  assert.equal((await get(here, bob)).body.device_id, 'of-bob')
})

test('bad input 20: bad dehydrated devices are refused and leave the old one as it was', async () => {
  await using here = await startEncryption()
  const alice = await here.user('alice', 'A')
  await put(here, alice, 'good')
  const refused: [string, JsonObject, number][] = [
    ['bad', { device_keys: {} }, 400],
    ['bad', { device_keys: new TestDevice(alice.userId, 'OTHER').deviceKeys() }, 400],
    ['bad', { device_data: {} }, 400],
    ['bad', { device_data: 'x' }, 400],
    ['bad', { device_data: { algorithm: 'x', more: 'y'.repeat(300_000) } }, 413],
    ['bad', { one_time_keys: { x: 1 } }, 400],
    ['A', {}, 400],
    ['', {}, 400],
  ]
  for (const [id, more, status] of refused) {
    assert.equal((await put(here, alice, id, more)).status, status, JSON.stringify(more).slice(0, 80))
  }
  assert.equal((await get(here, alice)).body.device_id, 'good')
  assert.deepEqual([...(await here.encryption.devices.list(alice.userId))].sort(), ['A', 'good'])
  assert.equal((await here.api.request('GET', PATH)).status, 401)
})

test('its messages are read page by page; the last page names no next one', async () => {
  await using here = await startEncryption()
  const alice = await withMessages(here, 200)
  const first = await page(here, alice, ID)
  assert.deepEqual([numbers(first).length, numbers(first)[0], numbers(first).at(-1)], [100, 0, 99])
  const second = await page(here, alice, ID, first.body.next_batch)
  assert.deepEqual([numbers(second).length, numbers(second)[0], numbers(second).at(-1)], [100, 100, 199])
  assert.equal('next_batch' in second.body, false)
  assert.deepEqual(numbers(await page(here, alice, ID)), numbers(first), 'reading deletes nothing')
  const foreign = await page(here, await here.user('carol', 'C'), ID)
  assert.deepEqual([foreign.status, foreign.body.errcode], [404, 'M_NOT_FOUND'])
  for (const from of ['x', 'd', 'd99999999999999999', '5']) {
    assert.equal((await page(here, alice, ID, from)).status, 400, from)
  }
})

test('the older call: an empty page is the last, and what a token acknowledges is gone', async () => {
  await using here = await startEncryption()
  const alice = await withMessages(here, 120)
  const first = await events(here, alice, ID)
  assert.deepEqual([numbers(first).length, numbers(first)[0], numbers(first).at(-1)], [100, 0, 99])
  assert.deepEqual(numbers(await events(here, alice, ID)), numbers(first), 'again from the start')
  const second = await events(here, alice, ID, { next_batch: first.body.next_batch })
  assert.deepEqual([numbers(second)[0], numbers(second).length], [100, 20])
  const last = await events(here, alice, ID, { next_batch: second.body.next_batch })
  assert.deepEqual([numbers(last), last.body.next_batch], [[], second.body.next_batch])
  assert.deepEqual(numbers(await events(here, alice, ID)), [], 'acknowledged')
  const foreign = await events(here, await here.user('carol', 'C'), ID)
  assert.deepEqual([foreign.status, foreign.body.errcode], [404, 'M_NOT_FOUND'])
  assert.equal((await events(here, alice, 'A')).status, 404, 'a device in use reads by /sync')
  for (const next_batch of ['x', 'd', 'd99999999999999999', '5']) {
    assert.equal((await events(here, alice, ID, { next_batch })).status, 400, next_batch)
  }
})

test('it is there after a restart; what a crash kept of its predecessor goes then', async () => {
  const store = new MemoryStore()
  {
    await using here = await startEncryption({ store })
    const alice = await here.user('alice', 'A')
    await put(here, alice, 'new')
    await here.encryption.devices.ensure(alice.userId, 'old', undefined)
    // The row as it is between the new device and the old one's removal.
    const [row] = await Array.fromAsync(store.entries({ gte: Uint8Array.of(183), lt: Uint8Array.of(184) }))
    const value = { ...JSON.parse(Buffer.from(row?.[1] ?? []).toString()), replaces: 'old' }
    await store.batch([{ type: 'put', key: row?.[0] as Uint8Array, value: Buffer.from(JSON.stringify(value)) }])
  }
  await using again = await startEncryption({ store })
  const alice = '@alice:here.test' as UserId
  assert.deepEqual([...(await again.encryption.devices.list(alice))].sort(), ['A', 'new'])
  assert.equal((await again.encryption.dehydratedDevices.get(alice))?.device_id, 'new')
})
