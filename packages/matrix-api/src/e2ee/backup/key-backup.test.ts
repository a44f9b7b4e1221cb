import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@starling/protocol'
import { MemoryStore } from '../../testing/memory-store.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import { startEncryption, type TestEncryption } from '../testing/test-encryption.ts'
import { type BackupKey, isBetterKey } from './backup-key.ts'

const VERSION = '/_matrix/client/v3/room_keys/version'
const KEYS = '/_matrix/client/v3/room_keys/keys'
const ROOM = '!room:here.test'
const ALGORITHM = 'm.megolm_backup.v1.curve25519-aes-sha2'

function key(overrides: Partial<BackupKey> = {}): BackupKey {
  const data = { ciphertext: 'c', ephemeral: 'e', mac: 'm' }
  return { first_message_index: 1, forwarded_count: 0, is_verified: false, session_data: data, ...overrides }
}

async function withBackup(here: TestEncryption) {
  const alice = await here.user('alice', 'A')
  const request = (method: string, path: string, body?: JsonObject, query?: Record<string, string>) =>
    here.api.request(method, path, { as: alice, ...(body ? { body } : {}), ...(query ? { query } : {}) })
  const create = () => request('POST', VERSION, { algorithm: ALGORITHM, auth_data: { public_key: 'abc' } })
  return { alice, request, create }
}

test('a backup is made, found, changed and deleted', async () => {
  await using here = await startEncryption()
  const { request, create } = await withBackup(here)
  const none = await request('GET', VERSION)
  assert.equal(none.status, 404)
  assert.equal(none.body.errcode, 'M_NOT_FOUND')
  expectMatchesSpec('getRoomKeysVersionCurrent', none)
  const made = await create()
  assert.deepEqual(made.body, { version: '1' })
  expectMatchesSpec('postRoomKeysVersion', made)
  const info = await request('GET', VERSION)
  expectMatchesSpec('getRoomKeysVersionCurrent', info)
  const expected = { algorithm: ALGORITHM, auth_data: { public_key: 'abc' }, count: 0, etag: '0', version: '1' }
  assert.deepEqual(info.body, expected)
  const update = { algorithm: ALGORITHM, auth_data: { public_key: 'abc', signatures: {} } }
  assert.equal((await request('PUT', `${VERSION}/1`, update)).status, 200)
  assert.equal((await request('PUT', `${VERSION}/1`, { ...update, algorithm: 'other' })).status, 400)
  assert.equal((await request('PUT', `${VERSION}/1`, { ...update, version: '2' })).status, 400)
  assert.equal((await request('PUT', `${VERSION}/2`, update)).status, 404)
  assert.deepEqual((await request('GET', `${VERSION}/1`)).body.auth_data, update.auth_data)

  assert.equal((await request('DELETE', `${VERSION}/1`)).status, 200)
  assert.equal((await request('DELETE', `${VERSION}/1`)).status, 200, 'deleted before: a success')
  assert.equal((await request('DELETE', `${VERSION}/9`)).status, 404)
  assert.equal((await request('GET', VERSION)).status, 404)
  assert.deepEqual((await create()).body, { version: '2' }, 'a version is never used again')
})

test('keys are stored and read back by session, by room and all', async () => {
  await using here = await startEncryption()
  const { request, create } = await withBackup(here)
  await create()
  const version = { version: '1' }
  const one = await request('PUT', `${KEYS}/${encodeURIComponent(ROOM)}/S1`, key(), version)
  expectMatchesSpec('putRoomKeyBySessionId', one)
  assert.deepEqual(one.body, { count: 1, etag: '1' })
  const room = await request('PUT', `${KEYS}/${ROOM}`, { sessions: { S2: key(), S3: key() } }, version)
  expectMatchesSpec('putRoomKeysByRoomId', room)
  assert.deepEqual(room.body, { count: 3, etag: '2' })
  const all = await request('PUT', KEYS, { rooms: { '!other:x': { sessions: { 'a/b+c': key() } } } }, version)
  assert.deepEqual(all.body, { count: 4, etag: '3' })

  const got = await request('GET', `${KEYS}/${ROOM}/S1`, undefined, version)
  assert.deepEqual(got.body, key())
  expectMatchesSpec('getRoomKeyBySessionId', got)
  assert.deepEqual(Object.keys((await request('GET', `${KEYS}/${ROOM}`, undefined, version)).body.sessions), [
    'S1',
    'S2',
    'S3',
  ])
  const whole = await request('GET', KEYS, undefined, version)
  expectMatchesSpec('getRoomKeys', whole)
  assert.deepEqual(Object.keys(whole.body.rooms).sort(), ['!other:x', ROOM])
  const odd = await request('GET', `${KEYS}/!other:x/a%2Fb%2Bc`, undefined, version)
  assert.equal(odd.status, 200)

  assert.deepEqual((await request('DELETE', `${KEYS}/${ROOM}/S1`, undefined, version)).body, { count: 3, etag: '4' })
  assert.equal((await request('GET', `${KEYS}/${ROOM}/S1`, undefined, version)).status, 404)
  assert.deepEqual((await request('GET', `${KEYS}/!none:x`, undefined, version)).body, { sessions: {} })
  assert.deepEqual((await request('DELETE', `${KEYS}/${ROOM}`, undefined, version)).body, { count: 1, etag: '5' })
  assert.deepEqual((await request('DELETE', KEYS, undefined, version)).body, { count: 0, etag: '6' })
  assert.deepEqual((await request('GET', KEYS, undefined, version)).body, { rooms: {} })
})

test('only the current version takes keys, older ones are still read', async () => {
  await using here = await startEncryption()
  const { request, create } = await withBackup(here)
  const early = await request('PUT', KEYS, { rooms: {} }, { version: '1' })
  assert.equal(early.status, 404)
  await create()
  await request('PUT', `${KEYS}/${ROOM}/S1`, key(), { version: '1' })
  await create()
  const late = await request('PUT', `${KEYS}/${ROOM}/S1`, key(), { version: '1' })
  assert.equal(late.status, 403)
  expectMatchesSpec('putRoomKeyBySessionId', late)
  assert.equal(late.body.errcode, 'M_WRONG_ROOM_KEYS_VERSION')
  assert.equal(late.body.current_version, '2')
  assert.equal((await request('GET', `${KEYS}/${ROOM}/S1`, undefined, { version: '1' })).status, 200)
  assert.equal((await request('GET', KEYS, undefined, { version: '7' })).status, 404)
  assert.equal((await request('GET', KEYS)).body.errcode, 'M_MISSING_PARAM')
})

test('the better key of a session stays', async () => {
  const base = key({ first_message_index: 5, forwarded_count: 5 })
  for (const [next, replaces] of [
    [{ is_verified: true, first_message_index: 9, forwarded_count: 9 }, true],
    [{ first_message_index: 4, forwarded_count: 9 }, true],
    [{ first_message_index: 6, forwarded_count: 0 }, false],
    [{ first_message_index: 5, forwarded_count: 4 }, true],
    [{ first_message_index: 5, forwarded_count: 5 }, false],
    [{ first_message_index: 5, forwarded_count: 6 }, false],
  ] as const) {
    assert.equal(isBetterKey(key(next), base), replaces, JSON.stringify(next))
  }
  assert.equal(isBetterKey(key({ first_message_index: 0 }), key({ is_verified: true })), false)

  await using here = await startEncryption()
  const { request, create } = await withBackup(here)
  await create()
  const put = (body: JsonObject) => request('PUT', `${KEYS}/${ROOM}/S1`, body, { version: '1' })
  await put(key({ first_message_index: 5 }))
  assert.deepEqual((await put(key({ first_message_index: 7 }))).body, { count: 1, etag: '1' })
  assert.deepEqual((await put(key({ first_message_index: 3 }))).body, { count: 1, etag: '2' })
  const got = await request('GET', `${KEYS}/${ROOM}/S1`, undefined, { version: '1' })
  assert.equal(got.body.first_message_index, 3)
})

test('malformed keys are 400 and store nothing', async () => {
  await using here = await startEncryption()
  const { request, create } = await withBackup(here)
  await create()
  const version = { version: '1' }
  for (const bad of [
    {},
    { ...key(), first_message_index: -1 },
    { ...key(), first_message_index: 1.5 },
    { ...key(), forwarded_count: '0' },
    { ...key(), is_verified: 1 },
    { ...key(), session_data: 'x' },
  ] as unknown as JsonObject[]) {
    const answer = await request('PUT', `${KEYS}/${ROOM}`, { sessions: { good: key(), bad } }, version)
    assert.equal(answer.status, 400, JSON.stringify(bad))
  }
  assert.equal((await request('PUT', KEYS, { rooms: [] } as unknown as JsonObject, version)).status, 400)
  assert.equal((await request('POST', VERSION, { algorithm: ALGORITHM })).status, 400)
  assert.deepEqual((await request('GET', KEYS, undefined, version)).body, { rooms: {} })
})

test('another user’s backup is out of reach, and all of it survives a restart', async () => {
  const store = new MemoryStore()
  await using here = await startEncryption({ store })
  const { request, create } = await withBackup(here)
  await create()
  await request('PUT', `${KEYS}/${ROOM}/S1`, key(), { version: '1' })
  const bob = await here.user('bob', 'B')
  assert.equal((await here.api.request('GET', KEYS, { as: bob, query: { version: '1' } })).status, 404)
  assert.equal((await here.api.request('GET', KEYS, { query: { version: '1' } })).status, 401)
  await using again = await startEncryption({ store })
  const alice = await withBackup(again)
  assert.deepEqual((await alice.request('GET', `${KEYS}/${ROOM}/S1`, undefined, { version: '1' })).body, key())
})
