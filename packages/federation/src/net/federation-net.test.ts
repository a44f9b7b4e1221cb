import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { RoomId } from '@starling/protocol'
import { eventually, MemoryNetwork, MemoryStore } from '@starling/testkit'
import { WholeNode } from '../../test/net/whole-node.ts'

async function meet(network: MemoryNetwork, a: WholeNode, b: WholeNode): Promise<void> {
  await network.connect(a.host, b.host)
  await eventually('both know each other', () => {
    const known = a.keys.keyRing.serverOfPeer(b.host.peerId) === b.serverName
    return known && b.keys.keyRing.serverOfPeer(a.host.peerId) === a.serverName
  })
}

async function allHear(roomId: RoomId, nodes: readonly WholeNode[], bodies: readonly string[]): Promise<void> {
  const wanted = [...bodies].sort()
  await eventually(`everybody has ${bodies.length} messages`, async () => {
    for (const node of nodes) if (!isDeepStrictEqual(await node.heard(roomId), wanted)) return false
    return true
  })
}

async function stopAll(...nodes: readonly WholeNode[]): Promise<void> {
  for (const node of nodes) await node.stop()
}

test('two nodes: invite, join, messages both ways, typing, receipts, leave', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [await WholeNode.start(network, 'a'), await WholeNode.start(network, 'b')]
  await meet(network, a, b)
  const roomId = await a.createRoom('invite')
  await a.exchange.changeMembership({ roomId, sender: a.userId, target: b.userId, membership: 'invite' })
  assert.equal((await b.rooms.reader.membership(roomId, b.userId))?.membership, 'invite')
  await b.join(roomId, a)
  const eventId = await a.say(roomId, 'from a')
  await b.say(roomId, 'from b')
  await allHear(roomId, [a, b], ['from a', 'from b'])
  await b.net.ephemeral.setTyping(roomId, b.userId, 20_000)
  await b.net.ephemeral.setReceipt(roomId, { type: 'm.read', userId: b.userId, eventId, threadId: undefined })
  await eventually('a sees b typing', () => a.net.ephemeral.typing(roomId).users.includes(b.userId))
  await eventually('a sees the receipt', async () => (await a.net.ephemeral.receipts(roomId, 0, 1e9)).length === 1)
  await b.exchange.changeMembership({ roomId, sender: b.userId, target: b.userId, membership: 'leave' })
  await eventually('a sees b gone', () => !a.rooms.engine.isServerJoined(roomId, b.serverName))
  await eventually('nobody is a subscriber any more', () => a.net.sharedRooms.serversIn(roomId).length === 0)
  await a.say(roomId, 'after b left')
  await a.net.drained()
  assert.deepEqual(await b.heard(roomId), ['from a', 'from b'])
  await stopAll(a, b)
})

test('three nodes in a line: everybody gets everything, also what is asked of the one out of reach', async () => {
  const network = new MemoryNetwork()
  const [a, b, c] = [
    await WholeNode.start(network, 'a'),
    await WholeNode.start(network, 'b'),
    await WholeNode.start(network, 'c'),
  ]
  await network.cut(a.host, c.host)
  await meet(network, a, b)
  await meet(network, b, c)
  const roomId = await a.createRoom('public')
  await b.join(roomId, a)
  await c.join(roomId, b)
  await eventually('a knows of c', () => a.net.sharedRooms.isNeighbour(c.serverName))
  await eventually('c knows of a', () => c.net.sharedRooms.isNeighbour(a.serverName))
  for (const [index, node] of [a, b, c].entries()) await node.say(roomId, `from ${index}`)
  await allHear(roomId, [a, b, c], ['from 0', 'from 1', 'from 2'])
  assert.deepEqual(await a.net.remoteServers.profile(c.userId), { displayname: 'Owner' })
  assert.deepEqual(await c.stateOf(roomId), await a.stateOf(roomId))
  await stopAll(a, b, c)
})

test('bad input 70: both write while the link is cut, and have the same when it is back', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [await WholeNode.start(network, 'a'), await WholeNode.start(network, 'b')]
  await meet(network, a, b)
  const roomId = await a.createRoom('public')
  await b.join(roomId, a)
  await a.say(roomId, 'before')
  await allHear(roomId, [a, b], ['before'])
  await network.cut(a.host, b.host)
  const said = ['before']
  for (let i = 0; i < 20; i++) {
    await a.say(roomId, `a ${i}`)
    await b.say(roomId, `b ${i}`)
    said.push(`a ${i}`, `b ${i}`)
  }
  network.mend(a.host, b.host)
  await meet(network, a, b)
  await allHear(roomId, [a, b], said)
  assert.deepEqual(await a.stateOf(roomId), await b.stateOf(roomId))
  await stopAll(a, b)
})

test('a node that was stopped has everything after its start, in order, and is who it was', async () => {
  const network = new MemoryNetwork()
  const store = new MemoryStore()
  const [a, first] = [await WholeNode.start(network, 'a'), await WholeNode.start(network, 'b', store)]
  await meet(network, a, first)
  const roomId = await a.createRoom('invite')
  await a.exchange.changeMembership({ roomId, sender: a.userId, target: first.userId, membership: 'invite' })
  await first.join(roomId, a)
  await first.stop()
  await network.remove(first.host)
  const said = Array.from({ length: 50 }, (_, i) => `message ${String(i).padStart(2, '0')}`)
  for (const body of said) await a.say(roomId, body)
  const b = await WholeNode.start(network, 'b', store)
  await meet(network, a, b)
  await allHear(roomId, [a, b], said)
  const { events } = await b.rooms.reader.timeline(roomId, { direction: 'f', limit: 1000 })
  const bodies = events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [pdu.content.body] : []))
  assert.deepEqual(bodies, said)
  assert.equal(b.serverName, first.serverName)
  await stopAll(a, b)
})

test('bad input 72: a third of all gossip is lost, and everybody has everything in the end', async () => {
  const network = new MemoryNetwork({ gossipLoss: 0.35, seed: 11 })
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => WholeNode.start(network, name)))
  const [a, b, c] = nodes as [WholeNode, WholeNode, WholeNode]
  await meet(network, a, b)
  await meet(network, b, c)
  await meet(network, a, c)
  const roomId = await a.createRoom('public')
  await b.join(roomId, a)
  await c.join(roomId, a)
  const said: string[] = []
  for (let i = 0; i < 15; i++) {
    for (const [index, node] of nodes.entries()) {
      said.push(`${index} says ${i}`)
      await node.say(roomId, `${index} says ${i}`)
    }
  }
  await network.settled()
  for (const node of nodes) for (const other of nodes) await node.exchange.reconcile(other.serverName)
  await allHear(roomId, nodes, said)
  assert.ok(network.lost > 10, 'messages were really lost')
  await stopAll(a, b, c)
})

test('an invite to a node that is away is delivered when it comes', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [await WholeNode.start(network, 'a'), await WholeNode.start(network, 'b')]
  await network.cut(a.host, b.host)
  const roomId = await a.createRoom('invite')
  await a.exchange.changeMembership({ roomId, sender: a.userId, target: b.userId, membership: 'invite' })
  assert.equal(await b.rooms.reader.membership(roomId, b.userId), undefined)
  network.mend(a.host, b.host)
  await meet(network, a, b)
  await eventually('b is invited', async () => {
    return (await b.rooms.reader.membership(roomId, b.userId))?.membership === 'invite'
  })
  await b.join(roomId, a)
  await b.say(roomId, 'here I am')
  await allHear(roomId, [a, b], ['here I am'])
  await stopAll(a, b)
})

test('an invite that was rejected while nobody was there: the inviter is told when it is met, though no room is shared', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [await WholeNode.start(network, 'a'), await WholeNode.start(network, 'b')]
  await meet(network, a, b)
  const roomId = await a.createRoom('invite')
  const membership = { roomId, target: b.userId } as const
  await a.exchange.changeMembership({ ...membership, sender: a.userId, membership: 'invite' })
  await network.cut(a.host, b.host)
  await b.exchange.changeMembership({ ...membership, sender: b.userId, membership: 'leave' })
  network.mend(a.host, b.host)
  await meet(network, a, b)
  await eventually('a knows that b declined', async () => {
    return (await a.rooms.reader.membership(roomId, b.userId))?.membership === 'leave'
  })
  await stopAll(a, b)
})

test('bad input 69: a stranger that asks any room request gets nothing', async () => {
  const network = new MemoryNetwork()
  const [a, stranger] = [await WholeNode.start(network, 'a'), await WholeNode.start(network, 'stranger')]
  await meet(network, a, stranger)
  const roomId = await a.createRoom('invite')
  const eventId = await a.say(roomId, 'secret')
  const [room, event] = [encodeURIComponent(roomId), encodeURIComponent(eventId)]
  const v1 = '/_matrix/federation/v1'
  const reads = [
    `${v1}/event/${event}`,
    `${v1}/state/${room}?event_id=${event}`,
    `${v1}/state_ids/${room}?event_id=${event}`,
    `${v1}/backfill/${room}?v=${event}&limit=10`,
    `${v1}/event_auth/${room}/${event}`,
    `${v1}/make_join/${room}/${encodeURIComponent(stranger.userId)}?ver=12`,
    `${v1}/hierarchy/${room}`,
  ]
  for (const uri of reads) {
    await assert.rejects(stranger.net.requests.request(a.serverName, 'GET', uri), { code: 'refused' }, uri)
  }
  const missing = { limit: 10, earliest_events: [], latest_events: [eventId] }
  await assert.rejects(
    stranger.net.requests.request(a.serverName, 'POST', `${v1}/get_missing_events/${room}`, missing),
    { code: 'refused' },
  )
  await stopAll(a, stranger)
})
