import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, ServerName } from '@starling/protocol'
import { decodeBase64, encodeBase64, serverNameFromPublicKey, signJson, verifyJsonSignature } from '@starling/protocol'
import { MemoryStore, QuietLogger, TestClock, testCrypto, testRandomBytes } from '@starling/testkit'
import type { PeerId } from '../../ports.ts'
import { netLimits } from '../limits.ts'
import { openNetKeys } from '../net-keys.ts'
import { type Ground, processTimers } from '../ports.ts'
import { IDENTITY_KEY_ID } from './server-keys.ts'

const DAY = 86_400_000
const SEED = new Uint8Array(32).fill(1)
const OTHER_SEED = new Uint8Array(32).fill(2)
const PEER = 'peer' as PeerId

interface Setup {
  readonly store?: MemoryStore
  readonly clock?: TestClock
  readonly seed?: Uint8Array
  readonly peer?: PeerId
  readonly random?: number
}

async function open(setup: Setup = {}) {
  const clock = setup.clock ?? new TestClock()
  const store = setup.store ?? new MemoryStore()
  const ground: Ground = {
    store,
    clock,
    crypto: testCrypto,
    timers: processTimers,
    randomBytes: testRandomBytes(setup.random ?? 3),
    logger: new QuietLogger(),
    count: () => undefined,
  }
  return { clock, store, ...(await openNetKeys(ground, setup.seed ?? SEED, setup.peer ?? PEER)) }
}

/** `server_keys` of another identity, with whatever is to be tried in them. */
function documentOf(seed: Uint8Array, now: number, changes: JsonObject = {}, signWith = seed): JsonObject {
  const server = serverNameFromPublicKey(testCrypto.ed25519.publicKey(seed))
  const json = {
    server_name: server,
    valid_until_ts: now + 7 * DAY,
    verify_keys: { 'ed25519:k1': { key: encodeBase64(testCrypto.ed25519.publicKey(seed)) } },
    old_verify_keys: {},
    peers: [{ peer_id: 'p1', valid_until_ts: now + 7 * DAY }],
    ...changes,
  }
  return signJson(json, { server, keyId: IDENTITY_KEY_ID, seed: signWith }, testCrypto.ed25519)
}

const OTHER = serverNameFromPublicKey(testCrypto.ed25519.publicKey(OTHER_SEED))

test('own server_keys name the server, list the PeerId, and are signed by the key in the name', async () => {
  const { keyRing, clock } = await open()
  const keys = keyRing.ownServerKeys()
  const identity = testCrypto.ed25519.publicKey(SEED)
  assert.equal(keys.server_name, serverNameFromPublicKey(identity))
  assert.ok(verifyJsonSignature(keys, keyRing.serverName, IDENTITY_KEY_ID, identity, testCrypto.ed25519))
  assert.deepEqual(keys.peers, [{ peer_id: PEER, valid_until_ts: clock.now() + 7 * DAY }])
  assert.equal(keys.valid_until_ts, clock.now() + 7 * DAY)
})

test('what is signed verifies by the published key', async () => {
  const { keyRing, clock } = await open()
  const signed = keyRing.sign({ a: 1 })
  const [keyId = ''] = Object.keys((signed.signatures as JsonObject)[keyRing.serverName] as JsonObject)
  const key = await keyRing.verifyKey(keyRing.serverName, keyId, clock.now())
  assert.ok(key && verifyJsonSignature(signed, keyRing.serverName, keyId, key, testCrypto.ed25519))
})

test('after a restart the same keys are published, byte for byte', async () => {
  const first = await open()
  const again = await open({ store: first.store, clock: first.clock, random: 99 })
  assert.deepEqual(again.keyRing.ownServerKeys(), first.keyRing.ownServerKeys())
})

test('the document is renewed daily, the signing key weekly, and the old key still verifies what it signed', async () => {
  const { clock, identity, keyRing, store } = await open()
  const [firstKey = ''] = Object.keys(keyRing.ownServerKeys().verify_keys as JsonObject)
  const signedAt = clock.now()
  assert.equal(await identity.refreshIfDue(), false)
  clock.advance(DAY + 1)
  assert.equal(await identity.refreshIfDue(), true)
  assert.deepEqual(Object.keys(keyRing.ownServerKeys().verify_keys as JsonObject), [firstKey])
  clock.advance(5 * DAY)
  await identity.refreshIfDue()
  const keys = keyRing.ownServerKeys()
  assert.deepEqual(Object.keys(keys.old_verify_keys as JsonObject), [firstKey])
  assert.ok(!(firstKey in (keys.verify_keys as JsonObject)))
  assert.ok(await keyRing.verifyKey(keyRing.serverName, firstKey, signedAt))
  assert.equal(await keyRing.verifyKey(keyRing.serverName, firstKey, clock.now() + 1), undefined)
  const restarted = await open({ store, clock })
  assert.deepEqual(restarted.keyRing.ownServerKeys(), keys)
})

test('valid_until_ts never goes back, even if the clock does', async () => {
  const { clock, identity, keyRing } = await open()
  clock.advance(DAY + 1)
  await identity.refreshIfDue()
  const before = Number(keyRing.ownServerKeys().valid_until_ts)
  clock.advance(-DAY)
  clock.advance(2 * DAY)
  await identity.refreshIfDue()
  assert.ok(Number(keyRing.ownServerKeys().valid_until_ts) > before)
})

test('keys of another server are admitted, kept over a restart, and tell its keys and peers', async () => {
  const { clock, keyRing, store } = await open()
  const document = documentOf(OTHER_SEED, clock.now())
  assert.deepEqual(await keyRing.admit(document), { ok: true, server: OTHER })
  const again = await open({ store, clock })
  assert.deepEqual(await again.keyRing.serverKeysOf(OTHER), document)
  assert.deepEqual(await again.keyRing.knownPeers(OTHER), ['p1'])
  assert.ok(await again.keyRing.verifyKey(OTHER, 'ed25519:k1', clock.now()))
  assert.equal(await again.keyRing.verifyKey(OTHER, 'ed25519:none', clock.now()), undefined)
  assert.equal(await again.keyRing.verifyKey('elsewhere' as ServerName, 'ed25519:k1', clock.now()), undefined)
})

test('keys of a passing stranger are not kept on disk', async () => {
  const { clock, keyRing, store } = await open()
  const before = store.size
  await keyRing.admit(documentOf(OTHER_SEED, clock.now()), { keep: false })
  assert.ok(await keyRing.serverKeysOf(OTHER))
  assert.equal(store.size, before)
  await keyRing.keep(OTHER)
  await keyRing.keep('unheard-of' as ServerName)
  assert.equal(store.size, before + 1, 'until they matter')
})

test('the newer document stands, the older is taken but changes nothing', async () => {
  const { clock, keyRing } = await open()
  const older = documentOf(OTHER_SEED, clock.now() - DAY)
  const newer = documentOf(OTHER_SEED, clock.now(), { peers: [] })
  await keyRing.admit(newer)
  assert.equal((await keyRing.admit(older)).ok, true)
  assert.equal((await keyRing.admit(older)).ok, true)
  assert.deepEqual(await keyRing.serverKeysOf(OTHER), newer)
})

test('bad input 33: a key counts only for its time', async () => {
  const { clock, keyRing } = await open()
  const now = clock.now()
  const k0 = { key: encodeBase64(testCrypto.ed25519.publicKey(SEED)), expired_ts: now - DAY }
  await keyRing.admit(
    documentOf(OTHER_SEED, now, { old_verify_keys: { 'ed25519:k0': k0 }, valid_until_ts: now + 8 * DAY }),
  )
  assert.ok(await keyRing.verifyKey(OTHER, 'ed25519:k0', now - DAY))
  assert.equal(await keyRing.verifyKey(OTHER, 'ed25519:k0', now - DAY + 1), undefined)
  assert.ok(await keyRing.verifyKey(OTHER, 'ed25519:k1', now + 7 * DAY))
  assert.equal(await keyRing.verifyKey(OTHER, 'ed25519:k1', now + 7 * DAY + 1), undefined)
})

const many = (count: number, make: (i: number) => [string, JsonObject]) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => make(i)))
const key32 = encodeBase64(new Uint8Array(32).fill(9))

const refused: readonly [title: string, reason: string, document: (now: number) => unknown][] = [
  ['no object', 'not-an-object', () => 'keys'],
  [
    'a name without a key in it',
    'no-identity-in-name',
    (now) => documentOf(OTHER_SEED, now, { server_name: 'example.org' }),
  ],
  ['signed by another identity', 'bad-signature', (now) => documentOf(OTHER_SEED, now, {}, SEED)],
  ['changed after signing', 'bad-signature', (now) => ({ ...documentOf(OTHER_SEED, now), peers: [] })],
  ['valid for a year', 'valid-for-too-long', (now) => documentOf(OTHER_SEED, now, { valid_until_ts: now + 365 * DAY })],
  ['no keys', 'malformed', (now) => documentOf(OTHER_SEED, now, { verify_keys: {} })],
  [
    'a key of 31 bytes',
    'malformed',
    (now) => documentOf(OTHER_SEED, now, { verify_keys: { 'ed25519:a': { key: encodeBase64(new Uint8Array(31)) } } }),
  ],
  [
    'the identity key as a signing key',
    'malformed',
    (now) => documentOf(OTHER_SEED, now, { verify_keys: { [IDENTITY_KEY_ID]: { key: key32 } } }),
  ],
  [
    'too many keys',
    'malformed',
    (now) => documentOf(OTHER_SEED, now, { verify_keys: many(33, (i) => [`ed25519:k${i}`, { key: key32 }]) }),
  ],
  [
    'too many peers',
    'malformed',
    (now) =>
      documentOf(OTHER_SEED, now, {
        peers: Array.from({ length: 33 }, (_, i) => ({ peer_id: `p${i}`, valid_until_ts: now })),
      }),
  ],
  [
    'more than 64 KiB',
    'too-large-or-not-canonical',
    (now) => documentOf(OTHER_SEED, now, { more: 'x'.repeat(70_000) }),
  ],
]

for (const [title, reason, make] of refused) {
  test(`server_keys are refused: ${title}`, async () => {
    const { clock, keyRing } = await open()
    assert.deepEqual(await keyRing.admit(make(clock.now())), { ok: false, reason })
    assert.equal(await keyRing.serverKeysOf(OTHER), undefined)
  })
}

test('two nodes of one identity come to name each other', async () => {
  const one = await open()
  const two = await open({ clock: one.clock, peer: 'second' as PeerId, random: 77 })
  await one.keyRing.admit(two.keyRing.ownServerKeys())
  await two.keyRing.admit(one.keyRing.ownServerKeys())
  for (const { keyRing } of [one, two]) {
    const { peers, verify_keys: keys } = keyRing.ownServerKeys()
    assert.deepEqual((peers as JsonObject[]).map(({ peer_id: id }) => id).sort(), [PEER, 'second'])
    assert.equal(Object.keys(keys as JsonObject).length, 2)
  }
})

test('old keys fit for ten years of weekly rotation', async () => {
  const { clock, identity, keyRing } = await open()
  for (let week = 0; week < 530; week++) {
    clock.advance(6 * DAY)
    await identity.refreshIfDue()
  }
  const keys = keyRing.ownServerKeys()
  assert.equal(Object.keys(keys.old_verify_keys as JsonObject).length, netLimits.oldVerifyKeys)
  assert.ok(JSON.stringify(keys).length < netLimits.serverKeysBytes)
  assert.equal(decodeBase64(key32)?.length, 32)
})

test('of documents of one server that come at the same time the newest stands, whichever was quicker', async () => {
  for (const order of [
    [1, 2],
    [2, 1],
  ] as const) {
    const { keyRing, clock, store } = await open()
    const documents = order.map((day) =>
      documentOf(OTHER_SEED, clock.now(), { valid_until_ts: clock.now() + day * DAY }),
    )
    const outcomes = await Promise.all(documents.map((document) => keyRing.admit(document)))
    assert.ok(outcomes.every(({ ok }) => ok))
    assert.equal((await keyRing.serverKeysOf(OTHER))?.valid_until_ts, clock.now() + 2 * DAY)
    const again = await open({ store, clock })
    assert.equal((await again.keyRing.serverKeysOf(OTHER))?.valid_until_ts, clock.now() + 2 * DAY)
  }
})
