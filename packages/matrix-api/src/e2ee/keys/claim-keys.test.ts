import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchOperation } from '@starling/protocol'
import { MemoryStore } from '../../testing/memory-store.ts'
import { expectMatchesSpec } from '../../testing/openapi.ts'
import type { TestAnswer } from '../../testing/test-api.ts'
import { startEncryption, type TestClient, type TestEncryption } from '../testing/test-encryption.ts'
import { MAX_CLAIMED_IDS_PER_DEVICE, MAX_ONE_TIME_KEYS_PER_DEVICE } from './one-time-keys.ts'

const CLAIM = '/_matrix/client/v3/keys/claim'
const UPLOAD = '/_matrix/client/v3/keys/upload'
const ALGORITHM = 'signed_curve25519'

function claim(here: TestEncryption, as: TestClient, of: TestClient): Promise<TestAnswer> {
  const body = { one_time_keys: { [of.userId]: { [of.deviceId]: ALGORITHM } } }
  return here.api.request('POST', CLAIM, { as, body })
}

/** Name of the one key in the answer; undefined where there is none. */
function claimedName(answer: TestAnswer, of: TestClient): string | undefined {
  return Object.keys(answer.body.one_time_keys[of.userId]?.[of.deviceId] ?? {})[0]
}

test('a one-time key is handed out once, in the order of upload', async () => {
  await using here = await startEncryption()
  const [alice, bob] = [await here.client('alice'), await here.client('bob', 'B', ['zz'])]
  const later = { one_time_keys: bob.device.oneTimeKeys(['aa']) }
  assert.equal((await here.api.request('POST', UPLOAD, { as: bob, body: later })).status, 200)

  const first = await claim(here, alice, bob)
  assert.equal(first.status, 200)
  expectMatchesSpec('claimKeys', first)
  assert.equal(claimedName(first, bob), 'signed_curve25519:zz')
  assert.equal(claimedName(await claim(here, alice, bob), bob), 'signed_curve25519:aa')
  const none = await claim(here, alice, bob)
  assert.deepEqual(none.body, { one_time_keys: {}, failures: {} })
})

test('fifty claims at once get fifty keys', async () => {
  await using here = await startEncryption()
  const ids = Array.from({ length: 50 }, (_, index) => `K${index}`)
  const [alice, bob] = [await here.client('alice'), await here.client('bob', 'B', ids)]
  const answers = await Promise.all(ids.map(() => claim(here, alice, bob)))
  assert.equal(new Set(answers.map((answer) => claimedName(answer, bob))).size, 50)
})

test('a claimed key does not come back with a retried upload', async () => {
  await using here = await startEncryption()
  const [alice, bob] = [await here.client('alice'), await here.client('bob')]
  const body = { one_time_keys: bob.device.oneTimeKeys(['AAAAAQ']) }
  await here.api.request('POST', UPLOAD, { as: bob, body })
  assert.equal(claimedName(await claim(here, alice, bob), bob), 'signed_curve25519:AAAAAQ')
  const retry = await here.api.request('POST', UPLOAD, { as: bob, body })
  assert.deepEqual(retry.body, { one_time_key_counts: { signed_curve25519: 0 } })
  assert.equal(claimedName(await claim(here, alice, bob), bob), undefined)
})

test('the fallback key serves when the one-time keys are used up, and counts as used', async () => {
  await using here = await startEncryption()
  const [alice, bob] = [await here.client('alice'), await here.client('bob')]
  const upload = (id: string) =>
    here.api.request('POST', UPLOAD, {
      as: bob,
      body: { fallback_keys: bob.device.oneTimeKeys([id], { fallback: true }) },
    })
  const unused = () => here.encryption.oneTimeKeys.unusedFallbackKeyTypes(bob.userId, bob.deviceId)
  assert.equal((await upload('F1')).status, 200)
  assert.deepEqual(await unused(), [ALGORITHM])
  for (let round = 0; round < 2; round++) {
    assert.equal(claimedName(await claim(here, alice, bob), bob), 'signed_curve25519:F1')
  }
  assert.deepEqual(await unused(), [])
  assert.equal((await upload('F2')).status, 200)
  assert.deepEqual(await unused(), [ALGORITHM])
  assert.equal(claimedName(await claim(here, alice, bob), bob), 'signed_curve25519:F2')
})

test('two fallback keys of one algorithm are refused', async () => {
  await using here = await startEncryption()
  const bob = await here.client('bob')
  const body = { fallback_keys: bob.device.oneTimeKeys(['F1', 'F2'], { fallback: true }) }
  assert.equal((await here.api.request('POST', UPLOAD, { as: bob, body })).status, 400)
})

test('malformed claims are 400', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice')
  const bad = [{}, { one_time_keys: [] }, { one_time_keys: { '@b:x': 'D' } }, { one_time_keys: { '@b:x': { D: 1 } } }]
  for (const body of bad) {
    const answer = await here.api.request('POST', CLAIM, { as: alice, body })
    assert.equal(answer.status, 400, JSON.stringify(body))
  }
  assert.equal((await here.api.request('POST', CLAIM, { body: { one_time_keys: {} } })).status, 401)
})

test('a device keeps a bounded number of one-time keys', async () => {
  await using here = await startEncryption()
  const bob = await here.client('bob')
  const keys = Object.values(bob.device.oneTimeKeys(['x']))[0] ?? {}
  const upload = (from: number, count: number) =>
    here.api.request('POST', UPLOAD, {
      as: bob,
      body: {
        one_time_keys: Object.fromEntries(
          Array.from({ length: count }, (_, index) => [`signed_curve25519:${from + index}`, keys]),
        ),
      },
    })
  for (let from = 0; from < MAX_ONE_TIME_KEYS_PER_DEVICE; from += 500) {
    assert.equal((await upload(from, 500)).status, 200)
  }
  assert.equal((await upload(MAX_ONE_TIME_KEYS_PER_DEVICE, 1)).status, 400)
  assert.ok(MAX_CLAIMED_IDS_PER_DEVICE >= MAX_ONE_TIME_KEYS_PER_DEVICE)
})

/** Stops at the nth batch, before or after it reached the disk, as a crash would. */
class CrashingStore extends MemoryStore {
  failAt = Number.POSITIVE_INFINITY
  afterWrite = false
  #batches = 0

  override async batch(operations: readonly BatchOperation[]): Promise<void> {
    this.#batches += 1
    if (this.#batches < this.failAt) return super.batch(operations)
    if (this.#batches === this.failAt && this.afterWrite) await super.batch(operations)
    throw new Error('crashed')
  }

  arm(inBatches: number, afterWrite: boolean): void {
    this.failAt = this.#batches + inBatches
    this.afterWrite = afterWrite
  }

  disarm(): void {
    this.failAt = Number.POSITIVE_INFINITY
  }
}

for (const afterWrite of [false, true]) {
  test(`a crash ${afterWrite ? 'just after' : 'before'} the write of a claim never gives a key twice`, async () => {
    const store = new CrashingStore()
    await using here = await startEncryption({ store })
    const ids = ['K1', 'K2', 'K3', 'K4', 'K5', 'K6']
    const [alice, bob] = [await here.client('alice'), await here.client('bob', 'B', ids)]
    const given: string[] = []
    for (const id of ids) {
      if (id === 'K3') store.arm(1, afterWrite)
      const answer = await claim(here, alice, bob)
      if (answer.status === 200) given.push(claimedName(answer, bob) ?? 'none')
      else assert.equal(answer.status, 500)
      store.disarm()
    }
    // What was on disk is what a restarted node sees.
    await using again = await startEncryption({ store })
    const rest = await again.encryption.oneTimeKeys.claim([
      { userId: bob.userId, deviceId: bob.deviceId, algorithm: ALGORITHM },
    ])
    given.push(...rest.map(({ keyId }) => `${ALGORITHM}:${keyId}`))
    assert.equal(new Set(given).size, given.length, 'every key at most once')
    assert.equal(given.length, afterWrite ? 5 : 6, 'a key is lost only where its removal was durable')
  })
}

test('twin: without the removal before the answer, a crash would give a key twice', async () => {
  /** Answers before it writes. */
  class ForgetfulStore extends MemoryStore {
    forgetting = false
    override async batch(operations: readonly BatchOperation[]): Promise<void> {
      if (!this.forgetting) await super.batch(operations)
    }
  }
  const store = new ForgetfulStore()
  await using here = await startEncryption({ store })
  const [alice, bob] = [await here.client('alice'), await here.client('bob', 'B', ['K1'])]
  store.forgetting = true
  const [first, second] = [await claim(here, alice, bob), await claim(here, alice, bob)]
  assert.equal(claimedName(first, bob), claimedName(second, bob))
})
