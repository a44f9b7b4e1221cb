import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type JsonObject, type RoomId, roomVersionRules, SUPPORTED_VERSIONS } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode } from '../../test/exchange-network.ts'

const VERSIONS = Object.keys(SUPPORTED_VERSIONS)
const RESTRICTED = VERSIONS.filter((version) => (roomVersionRules(version)?.auth.restrictedRules.size ?? 0) > 0)
const KNOCKABLE = VERSIONS.filter((version) => (roomVersionRules(version)?.auth.knockRules.size ?? 0) > 0)

async function nodesOf(t: TestContext) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const parts = { versions: VERSIONS }
  const [a, b, c] = [
    await network.add('a', { parts }),
    await network.add('b', { parts }),
    await network.add('c', { parts }),
  ]
  return { network, a, b, c }
}

async function sameState(roomId: RoomId, ...nodes: readonly ExchangeNode[]): Promise<void> {
  const [first, ...others] = nodes
  const expected = await first?.rooms.stateOf(roomId)
  for (const node of others) assert.deepEqual(await node.rooms.stateOf(roomId), expected, node.name)
}

const joinRule = (rule: JsonObject) => [{ type: 'm.room.join_rules', stateKey: '', content: rule }]

test('all versions are offered', () => {
  assert.deepEqual(VERSIONS, ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'])
})

for (const version of VERSIONS) {
  test(`room version ${version}: create, invite, join, write, redact, part, heal, kick and leave between nodes`, async (t) => {
    const { network, a, b, c } = await nodesOf(t)
    const roomId = await a.rooms.createRoom(a.user(), version, joinRule({ join_rule: 'invite' }))
    await a.invite(roomId, b.user())
    await b.join(roomId, [a])
    await a.invite(roomId, c.user())
    await c.join(roomId, [b])
    await network.settled()
    const regretted = await b.rooms.message(roomId, b.user(), 'regretted')
    await network.settled()
    await a.rooms.message(roomId, a.user(), 'kept')
    await network.settled()
    await b.engine.send({ roomId, sender: b.user(), type: 'm.room.redaction', content: {}, redacts: regretted })
    await network.settled()
    for (const node of [a, b, c]) {
      assert.deepEqual(await node.rooms.bodies(roomId), [undefined, 'kept'], node.name)
      assert.ok((await node.rooms.reader.event(roomId, regretted))?.redactedBecause, node.name)
    }

    network.cut(a, b)
    network.cut(a, c)
    await a.rooms.setState(roomId, a.user(), 'm.room.name', '', { name: 'by the creator' })
    await a.rooms.setMembership(roomId, a.user(), c.user(), 'ban')
    await b.rooms.setState(roomId, b.user(), 'm.room.name', '', { name: 'by a member' })
    await c.rooms.message(roomId, c.user(), 'not banned that I know of')
    await network.settled()
    await network.join(a, b)
    await network.join(a, c)
    await network.settled()
    await sameState(roomId, a, b)
    assert.equal(await b.membership(roomId, c.user()), 'ban')
    assert.equal(b.engine.isServerJoined(roomId, c.name), false)

    await b.leave(roomId)
    await network.settled()
    assert.equal(await a.membership(roomId, b.user()), 'leave')
  })
}

for (const version of KNOCKABLE) {
  test(`room version ${version}: knock, invite as the answer, join`, async (t) => {
    const { network, a, b } = await nodesOf(t)
    const roomId = await a.rooms.createRoom(a.user(), version, joinRule({ join_rule: 'knock' }))
    await b.change({ roomId, sender: b.user(), target: b.user(), membership: 'knock', via: [a.name] })
    await a.invite(roomId, b.user())
    await b.join(roomId, [a])
    await network.settled()
    await sameState(roomId, a, b)
  })
}

for (const version of RESTRICTED) {
  test(`room version ${version}: members of another room join a restricted one, others do not`, async (t) => {
    const { network, a, b, c } = await nodesOf(t)
    const club = await a.rooms.createRoom(a.user(), version)
    await b.join(club, [a])
    await network.settled()
    const allow = [{ type: 'm.room_membership', room_id: club }]
    const roomId = await a.rooms.createRoom(a.user(), version, joinRule({ join_rule: 'restricted', allow }))
    await b.join(roomId, [a])
    await network.settled()
    await sameState(roomId, a, b)
    await assert.rejects(c.join(roomId, [a]), { code: 'forbidden' })
  })
}
