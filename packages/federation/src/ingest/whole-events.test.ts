import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authStateOf,
  checkAuth,
  type JsonObject,
  mustStayWhole,
  type Pdu,
  type RoomVersionRules,
  redactPdu,
  roomVersionRules,
} from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { twoServers } from '../../test/two-servers.ts'

const VERSIONS = Array.from({ length: 12 }, (_, index) => String(index + 1))

/** Bob (20) may set the name but not invite (30), nor (where that counts) change what `@room` needs (30). */
function levels(alice: string, bob: string, rules: RoomVersionRules): JsonObject {
  const users = rules.auth.privilegedCreators ? { [bob]: 20 } : { [alice]: 100, [bob]: 20 }
  const events = { 'm.room.power_levels': 20 }
  return { users, events, state_default: 20, invite: 30, notifications: { room: 30 } }
}

/** An event of bob's that the whole power levels forbid and the redacted ones would let through. */
function forbiddenDraft(bob: string, content: JsonObject, rules: RoomVersionRules) {
  const { notifications: _, ...without } = content
  // From version 11 on redaction keeps `invite`; what it still takes, `notifications`, protects itself.
  return rules.redacts === 'content'
    ? { type: 'm.room.power_levels', sender: bob as Pdu['sender'], stateKey: '', content: without }
    : {
        type: 'm.room.member',
        sender: bob as Pdu['sender'],
        stateKey: '@carol:gamma.test',
        content: { membership: 'invite' },
      }
}

for (const version of VERSIONS) {
  const rules = roomVersionRules(version) as RoomVersionRules

  test(`room version ${version}: whenever a redaction of power levels comes, they authorise the same`, async () => {
    const { a, b, alice, bob, roomId } = await twoServers(version)
    const content = levels(alice, bob, rules)
    const powerId = await a.setState(roomId, alice, 'm.room.power_levels', '', content)
    await a.give(powerId, b)
    const power = await a.pdu(powerId)
    const forbidden = await b.craft(roomId, forbiddenDraft(bob, content, rules))
    await assert.rejects(
      a.engine.send({ roomId, sender: alice, type: 'm.room.redaction', content: {}, redacts: powerId }),
      { code: 'forbidden' },
      'the author is told that it would do nothing',
    )
    // Of a server that sends it all the same: one hears of the redaction first, the other of what it would let through.
    const redaction = await a.craft(roomId, { type: 'm.room.redaction', sender: alice, redacts: powerId })
    assert.equal((await a.receive(redaction, version)).kind, 'accepted')
    const verdicts = [await a.receive(forbidden, version), await b.receive(forbidden, version)]
    assert.equal((await b.receive(redaction, version)).kind, 'accepted')
    assert.deepEqual(
      verdicts.map(({ kind }) => kind),
      ['rejected', 'rejected'],
    )
    assert.deepEqual(await a.engine.currentState(roomId), await b.engine.currentState(roomId))
    for (const server of [a, b]) assert.deepEqual((await server.pdu(powerId)).content, content)

    // Twin: judged by the redacted power levels, which one of the two would have held, the event gets through.
    const judge = (held: Pdu) => checkAuth(parsed, withPower(held), rules, testCrypto).allowed
    const state = await a.engine.events([...(await a.engine.currentState(roomId)).values()])
    const withPower = (held: Pdu) => authStateOf([...[...state.values()].map(({ pdu }) => pdu), held])
    const parsed = (await b.check(forbidden, version)).pdu
    if (version !== '12' && Number(version) < 11) assert.equal(judge(redactPdu(power, rules)), true)
    assert.equal(judge(power), false)
  })

  test(`room version ${version}: power levels that came spoilt are not judged by, the whole ones are`, async () => {
    const { a, b, alice, bob, roomId } = await twoServers(version)
    const powerId = await a.setState(roomId, alice, 'm.room.power_levels', '', levels(alice, bob, rules))
    const { json } = await a.pdu(powerId)
    assert.ok(mustStayWhole(await a.pdu(powerId), rules))
    const spoilt = { ...json, content: { ...json.content, notifications: {} } }
    await assert.rejects(b.receive(spoilt, version), /hash_mismatch/)
    assert.equal((await b.receive(json, version)).kind, 'accepted')
    assert.deepEqual((await b.pdu(powerId)).content, json.content)
  })
}
