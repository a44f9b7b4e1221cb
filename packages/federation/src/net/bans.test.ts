import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject, RoomId } from '@starling/protocol'
import { eventually, MemoryNetwork, testCrypto } from '@starling/testkit'
import { WholeNode } from '../../test/net/whole-node.ts'
import { topicOf } from './gossip/topic.ts'

/** Three whole nodes in a room of the first; all connected. */
async function threeInRoom(t: TestContext) {
  const network = new MemoryNetwork()
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => WholeNode.start(network, name)))
  assert.ok(a && b && c)
  t.after(() => Promise.all([a, b, c].map((node) => node.stop())))
  for (const [one, other] of [
    [a, b],
    [a, c],
    [b, c],
  ] as const) {
    await network.connect(one.host, other.host)
  }
  await eventually('all know each other', () =>
    [a, b, c].every((one) =>
      [a, b, c].every((other) => one === other || one.keys.keyRing.peersOf(other.serverName).length),
    ),
  )
  const roomId = await a.createRoom('public')
  await b.join(roomId, a)
  await c.join(roomId, a)
  await eventually('all see all', async () =>
    (await Promise.all([a, b, c].map((node) => node.rooms.engine.joinedServers(roomId)))).every(
      ({ size }) => size === 3,
    ),
  )
  return { network, a, b, c, roomId, topic: topicOf(roomId, testCrypto.sha256) }
}

function ban(by: WholeNode, roomId: RoomId, target: WholeNode): Promise<unknown> {
  return by.exchange.changeMembership({ roomId, sender: by.userId, target: target.userId, membership: 'ban' })
}

const isIn = (node: WholeNode, topic: string, other: WholeNode) =>
  node.host.gossip.subscribers(topic).includes(other.host.peerId)

async function membershipOf(node: WholeNode, roomId: RoomId, user = node.userId): Promise<string | undefined> {
  return (await node.rooms.reader.membership(roomId, user))?.membership
}

test('a ban is over the mesh in the very turn in which it is durable, on every node that has it', async (t) => {
  const { network, a, b, c, roomId, topic } = await threeInRoom(t)
  assert.ok(isIn(a, topic, b) && isIn(c, topic, b), 'twin: before the ban it is subscribed')
  const inMesh: boolean[] = []
  for (const node of [a, c]) {
    node.rooms.engine.watch({
      accepted: (_, { type }) => void (type === 'm.room.member' && inMesh.push(isIn(node, topic, b))),
    })
  }
  await ban(a, roomId, b)
  await network.settled()
  await eventually('c has it by gossip', async () => !c.rooms.engine.isServerJoined(roomId, b.serverName))
  await eventually('both saw it', () => inMesh.length === 2)
  assert.ok(!isIn(a, topic, b) && !isIn(c, topic, b))
  await a.say(roomId, 'among us')
  await eventually('c hears', async () => (await c.heard(roomId)).includes('among us'))
  await network.settled()
  assert.deepEqual(await b.heard(roomId), [])
  await eventually('b learns of its own ban', async () => (await membershipOf(b, roomId)) === 'ban')
})

test('a banned node that comes back gets nothing: no topic, no comparison, no request', async (t) => {
  const { network, a, b, c, roomId, topic } = await threeInRoom(t)
  await ban(a, roomId, b)
  await eventually('b learns of its own ban', async () => (await membershipOf(b, roomId)) === 'ban')
  await network.cut(a.host, b.host)
  await network.cut(c.host, b.host)
  const secret = await a.say(roomId, 'secret')
  await eventually('c hears', async () => (await c.heard(roomId)).includes('secret'))
  for (const node of [a, c]) {
    network.mend(node.host, b.host)
    await network.connect(node.host, b.host)
    await eventually('they have met', () => b.keys.keyRing.peersOf(node.serverName).length > 0)
    b.host.gossip.subscribe(topic, () => 'accept')
    await network.settled()
    assert.equal(isIn(node, topic, b), false)
    await b.exchange.reconcile(node.serverName)
    for (const uri of [
      `/_matrix/federation/v1/event/${encodeURIComponent(secret)}`,
      `/_matrix/federation/v1/backfill/${encodeURIComponent(roomId)}?v=${encodeURIComponent(secret)}&limit=10`,
    ]) {
      await assert.rejects(b.net.requests.request(node.serverName, 'GET', uri), { status: 403 })
    }
  }
  await network.settled()
  assert.deepEqual(await b.heard(roomId), [])
  assert.equal((await b.rooms.engine.events([secret])).size, 0)
})

test('what a banned server writes on its old branch is shown nowhere and built upon by nobody', async (t) => {
  const { network, a, b, c, roomId } = await threeInRoom(t)
  // It does not let the news of its ban in: its own engine still takes it for joined.
  await network.cut(a.host, b.host)
  await network.cut(c.host, b.host)
  await ban(a, roomId, b)
  await eventually('c has it', async () => !c.rooms.engine.isServerJoined(roomId, b.serverName))
  const evil = await b.say(roomId, 'of the banned')
  const { pdu } = (await b.rooms.engine.events([evil])).get(evil) ?? assert.fail()
  const json: JsonObject = { ...pdu.json, server_keys: b.keys.keyRing.ownServerKeys() }
  for (const node of [a, c]) {
    const verdict = await node.exchange.incoming(json, roomId, node === a ? c.serverName : a.serverName)
    assert.equal(verdict.kind, 'soft-failed')
    assert.equal((await node.rooms.engine.forwardExtremities(roomId)).includes(evil), false)
  }
  const after = await c.say(roomId, 'goes on')
  const parents = (await c.rooms.engine.events([after])).get(after)?.pdu.prevEvents
  assert.equal(parents?.includes(evil as EventId), false)
  await eventually('a has it', async () => (await a.heard(roomId)).includes('goes on'))
  assert.deepEqual(await a.heard(roomId), ['goes on'])
  // And straight from the banned server it is not even stored.
  const direct = await b.say(roomId, 'and more')
  const more = (await b.rooms.engine.events([direct])).get(direct)?.pdu.json ?? assert.fail()
  assert.notEqual((await a.exchange.incoming(more as JsonObject, roomId, b.serverName)).kind, 'accepted')
  assert.equal((await a.rooms.engine.events([direct])).size, 0)
})

test('a server under the access control list is out like a banned one, and comes back with the list', async (t) => {
  const { network, a, b, c, roomId, topic } = await threeInRoom(t)
  const setAcl = (deny: readonly string[]) =>
    a.rooms.engine.send({
      ...{ roomId, sender: a.userId, type: 'm.room.server_acl', stateKey: '' },
      content: { allow: ['*'], deny: [...deny] },
    })
  await setAcl([b.serverName])
  for (const node of [a, c]) await eventually('it is out of the mesh', () => !isIn(node, topic, b))
  assert.deepEqual(a.net.sharedRooms.serversIn(roomId), [c.serverName])
  await a.say(roomId, 'among us')
  await eventually('c hears', async () => (await c.heard(roomId)).includes('among us'))
  await network.settled()
  assert.deepEqual(await b.heard(roomId), [])
  const typing = { edu_type: 'm.typing', content: { room_id: roomId, user_id: b.userId, typing: true } }
  await a.net.edus(b.serverName, [typing])
  assert.deepEqual(a.net.ephemeral.typing(roomId).users, [])
  await setAcl([])
  for (const node of [a, c]) await eventually('it is back', () => isIn(node, topic, b))
  await a.net.edus(b.serverName, [typing])
  assert.deepEqual(a.net.ephemeral.typing(roomId).users, [b.userId], 'twin: allowed, its typing counts')
})

test('a server of which one user is banned and another stays keeps what it may', async (t) => {
  const { network, a, b, roomId, topic } = await threeInRoom(t)
  const second = b.userId.replace('@p2p', '@second') as typeof b.userId
  await b.exchange.changeMembership({ roomId, sender: second, target: second, membership: 'join' })
  await eventually('a sees both', async () => (await membershipOf(a, roomId, second)) === 'join')
  await ban(a, roomId, b)
  await network.settled()
  assert.ok(isIn(a, topic, b))
  await a.say(roomId, 'for the second')
  await eventually('the server still hears', async () => (await b.heard(roomId)).includes('for the second'))
})
