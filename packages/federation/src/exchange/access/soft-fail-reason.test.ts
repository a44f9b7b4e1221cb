import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { encodeBase64, type JsonObject, roomVersionRules, signEvent } from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { ExchangeNetwork, type NodeOptions } from '../../../test/exchange-network.ts'
import { signatureCheck } from './policy-server.ts'

/** b is denied by the list that a and c know; d has not heard of it and passes on what b says. */
async function setUp(t: TestContext, options: NodeOptions = {}) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a', options)
  const b = await network.add('b')
  const d = await network.add('d')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await d.join(roomId, [a])
  await network.settled()
  return { network, a, b, d, roomId }
}

async function deny(a: Awaited<ReturnType<typeof setUp>>['a'], roomId: Parameters<typeof a.rooms.message>[0]) {
  await a.rooms.setState(roomId, a.user(), 'm.room.server_acl', '', { allow: ['*'], deny: ['b'] })
}

test('what a denied server wrote is soft-failed when a third server gives it, and what stands on it goes on', async (t) => {
  const { network, a, b, d, roomId } = await setUp(t)
  network.cut(a, b)
  network.cut(a, d)
  await deny(a, roomId)
  await b.rooms.message(roomId, b.user(), 'of the denied')
  await network.settled()
  await d.rooms.message(roomId, d.user(), 'of the third')
  await network.join(a, d)
  assert.deepEqual(await a.rooms.bodies(roomId), ['of the third'])
  const extremities = await a.engine.forwardExtremities(roomId)
  const stored = [...(await a.engine.events(extremities)).values()]
  assert.ok(stored.every(({ pdu, status }) => pdu.sender !== b.user() && status === 'accepted'))
})

test('twin: without the list the same event is shown', async (t) => {
  const { network, a, b, d, roomId } = await setUp(t)
  network.cut(a, b)
  network.cut(a, d)
  await b.rooms.message(roomId, b.user(), 'of the other')
  await network.settled()
  await network.join(a, d)
  assert.deepEqual(await a.rooms.bodies(roomId), ['of the other'])
})

test('what a server wrote before it was denied stays, for those who were away too', async (t) => {
  const { network, a, b, d, roomId } = await setUp(t)
  network.isolate(d)
  await b.rooms.message(roomId, b.user(), 'before')
  await network.settled()
  await deny(a, roomId)
  await network.join(a, d)
  assert.deepEqual(await d.rooms.bodies(roomId), ['before'])
})

const SEED = testCrypto.sha256(new TextEncoder().encode('the policy server of the tests'))
const POLICY = {
  via: 'd',
  public_keys: { ed25519: encodeBase64(testCrypto.ed25519.publicKey(SEED)) },
}

/** The event with the policy server's signature beside its author's. */
function recommended(json: JsonObject): JsonObject {
  const rules = roomVersionRules('12')
  assert.ok(rules)
  const signer = { server: 'd', keyId: 'ed25519:policy_server', seed: SEED }
  return signEvent(json, signer as never, rules, testCrypto.ed25519)
}

for (const [name, content, needed] of [
  ['named', POLICY, true],
  ['without a key', { via: 'd' }, false],
  ['that is not in the room', { ...POLICY, via: 'elsewhere.test' }, false],
] as const) {
  test(`with a policy server ${name} an event without its signature is ${needed ? 'soft-failed' : 'let in'}`, async (t) => {
    const { network, a, b, roomId } = await setUp(t, { parts: { policyCheck: signatureCheck(testCrypto.ed25519) } })
    await a.rooms.setState(roomId, a.user(), 'm.room.policy', '', content)
    await network.settled()
    network.gossip = false
    const bare = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'bare'))
    const verdict = await a.hear(bare.json, roomId, b.name)
    assert.equal(verdict.kind, needed ? 'soft-failed' : 'accepted')
    const signed = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'signed'))
    assert.equal((await a.hear(recommended(signed.json), roomId, b.name)).kind, 'accepted')
  })
}

test('the policy event itself needs no signature, and where no check is injected nothing does', async (t) => {
  const { network, a, b, roomId } = await setUp(t, { parts: { policyCheck: async () => false } })
  const levels = { users: { [b.user()]: 50 } }
  await a.rooms.setState(roomId, a.user(), 'm.room.power_levels', '', levels)
  await a.rooms.setState(roomId, a.user(), 'm.room.policy', '', POLICY)
  await network.settled()
  network.gossip = false
  const off = await b.rooms.pdu(await b.rooms.setState(roomId, b.user(), 'm.room.policy', '', {}))
  assert.equal((await a.hear(off.json, roomId, b.name)).kind, 'accepted')
  const without = await setUp(t)
  await without.a.rooms.setState(without.roomId, without.a.user(), 'm.room.policy', '', POLICY)
  await without.b.rooms.message(without.roomId, without.b.user(), 'bare')
  await without.network.settled()
  assert.deepEqual(await without.a.rooms.bodies(without.roomId), ['bare'])
})
