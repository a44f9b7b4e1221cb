import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import { canonicalBytes, withoutKeys } from '@starling/protocol'
import { eventually, MemoryNetwork, testCrypto } from '@starling/testkit'
import { joinAll, TestNode } from '../../../test/net/test-node.ts'
import { sealBatch } from './edu-batch.ts'
import { topicOf } from './topic.ts'

const ROOM = '!room:example.org' as RoomId
const TOPIC = topicOf(ROOM, testCrypto.sha256)

async function connected(network: MemoryNetwork, a: TestNode, b: TestNode): Promise<void> {
  await network.connect(a.host, b.host)
  await eventually('both know each other', () => {
    const known = a.keys.bindings.serverOf(b.host.peerId) && b.keys.bindings.serverOf(a.host.peerId)
    return known !== undefined
  })
  await network.settled()
}

test('an event published by one member reaches another, with keys, through a third', async () => {
  const network = new MemoryNetwork()
  const [a, b, c] = [
    await TestNode.start(network, 'a'),
    await TestNode.start(network, 'b'),
    await TestNode.start(network, 'c'),
  ]
  joinAll(ROOM, [a, b, c])
  await connected(network, a, b)
  await connected(network, b, c)
  const pdu = a.rooms.send(ROOM, a.userId, 'hello')
  await eventually('c has it', () => c.incoming.length > 0)
  assert.equal(c.incoming[0]?.carrier, b.serverName)
  assert.deepEqual(c.incoming[0]?.json.server_keys, a.keys.keyRing.ownServerKeys())
  assert.deepEqual(withoutKeys(c.incoming[0]?.json ?? {}, 'server_keys'), pdu.json)
  await a.net.drained()
  assert.deepEqual(a.rooms.waiting, [])
})

for (const admission of ['on', 'off'] as const) {
  const what = admission === 'on' ? 'receives nothing' : 'receives all of it where admission is off (twin)'
  test(`bad input 69: a non-member that subscribes to a room’s topic ${what}`, async () => {
    const network = new MemoryNetwork()
    const a = await TestNode.start(network, 'a', admission === 'off' ? { defences: { admission: 'off' } } : {})
    const stranger = await TestNode.start(network, 'stranger')
    const friend = await TestNode.start(network, 'friend')
    joinAll(ROOM, [a, friend])
    const overheard: Uint8Array[] = []
    stranger.host.gossip.subscribe(TOPIC, (_from, data) => {
      overheard.push(data)
      return 'accept'
    })
    await connected(network, a, stranger)
    await connected(network, a, friend)
    a.rooms.send(ROOM, a.userId, 'for members only')
    await eventually('the member has it', () => friend.incoming.length > 0)
    await network.settled()
    assert.equal(overheard.length, admission === 'on' ? 0 : 1)
  })
}

test('a subscription ends with the membership and begins with it', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [await TestNode.start(network, 'a'), await TestNode.start(network, 'b')]
  await connected(network, a, b)
  joinAll(ROOM, [b], [a, b])
  joinAll(ROOM, [a], [a])
  await network.settled()
  a.rooms.send(ROOM, a.userId, 'before')
  await a.net.drained()
  await network.settled()
  assert.equal(b.incoming.length, 0)
  joinAll(ROOM, [a], [a, b])
  await network.settled()
  a.rooms.send(ROOM, a.userId, 'during')
  await eventually('b has it', () => b.incoming.length === 1)
  joinAll(ROOM, [a], [a])
  await network.settled()
  a.rooms.send(ROOM, a.userId, 'after')
  await a.net.drained()
  await network.settled()
  assert.equal(b.incoming.length, 1)
})

for (const senderCheck of ['on', 'off'] as const) {
  const what = senderCheck === 'on' ? 'is dropped' : 'comes as far as the signature check (twin)'
  test(`bad input 36: an event that brings keys of a server which is not its sender’s ${what}`, async () => {
    const network = new MemoryNetwork()
    const a = await TestNode.start(network, 'a', senderCheck === 'off' ? { defences: { senderCheck: 'off' } } : {})
    const liar = await TestNode.start(network, 'liar')
    const victim = await TestNode.start(network, 'victim')
    joinAll(ROOM, [a, liar], [a, liar, victim])
    await connected(network, a, liar)
    const forged = liar.rooms.message(ROOM, victim.userId, 'I never said this')
    await liar.host.gossip.publish(
      TOPIC,
      canonicalBytes({ ...forged.json, server_keys: liar.keys.keyRing.ownServerKeys() }),
    )
    await eventually('judged', () => [...a.counted.keys()].some((key) => key.startsWith('gossip_dropped')))
    const expected = senderCheck === 'on' ? 'keys-not-of-sender' : 'missing_signature'
    assert.deepEqual([...a.counted.keys()], [`gossip_dropped ${expected}`])
    assert.equal(a.incoming.length, 0)
  })
}

const dropped: readonly [title: string, code: string, make: (liar: TestNode, other: TestNode) => Uint8Array][] = [
  [
    'bad input 33: an event with a wrong signature',
    'bad_signature',
    (liar) => {
      const pdu = liar.rooms.message(ROOM, liar.userId, 'x')
      const forged = { ...pdu.json, depth: 6, server_keys: liar.keys.keyRing.ownServerKeys() }
      return canonicalBytes(forged)
    },
  ],
  [
    'bad input 34: an event whose content was changed on the way',
    'hash-mismatch',
    (liar) => {
      const pdu = liar.rooms.message(ROOM, liar.userId, 'x')
      return canonicalBytes({ ...pdu.json, content: { body: 'y' }, server_keys: liar.keys.keyRing.ownServerKeys() })
    },
  ],
  [
    'an event of another room',
    'room-mismatch',
    (liar) => {
      const pdu = liar.rooms.message('!other:example.org' as RoomId, liar.userId, 'x')
      return canonicalBytes({ ...pdu.json, server_keys: liar.keys.keyRing.ownServerKeys() })
    },
  ],
  ['an event without keys', 'server-keys', (liar) => canonicalBytes(liar.rooms.message(ROOM, liar.userId, 'x').json)],
  ['bad input 1: bytes that are no JSON', 'not-json', () => new TextEncoder().encode('{"type":')],
  ['bad input 4: a key twice', 'not-json', () => new TextEncoder().encode('{"room_id":"!a","room_id":"!b"}')],
  ['a message beyond the bound', 'too-large', () => new Uint8Array(300_000)],
  [
    'an EDU batch of somebody else',
    'server-keys',
    (liar, other) =>
      canonicalBytes({
        ...liar.keys.keyRing.sign({ origin: other.serverName, room_id: ROOM, origin_server_ts: 1, edus: [{}] }),
        server_keys: liar.keys.keyRing.ownServerKeys(),
      }),
  ],
]

for (const [title, code, make] of dropped) {
  test(`${title} is dropped from gossip`, async () => {
    const network = new MemoryNetwork()
    const [a, liar, other] = [
      await TestNode.start(network, 'a'),
      await TestNode.start(network, 'liar'),
      await TestNode.start(network, 'other'),
    ]
    joinAll(ROOM, [a, liar], [a, liar, other])
    await connected(network, a, liar)
    await liar.host.gossip.publish(TOPIC, make(liar, other))
    await eventually('judged', () => a.counted.size > 0)
    assert.deepEqual([...a.counted.keys()], [`gossip_dropped ${code}`])
    assert.equal(a.incoming.length, 0)
  })
}

test('bad input 61: a peer that floods with invalid messages is not read any more', async () => {
  const network = new MemoryNetwork()
  const [a, liar] = [await TestNode.start(network, 'a'), await TestNode.start(network, 'liar')]
  joinAll(ROOM, [a, liar])
  await connected(network, a, liar)
  for (let i = 0; i < 150; i++) await liar.host.gossip.publish(TOPIC, new TextEncoder().encode(`no JSON ${i}`))
  await network.settled()
  assert.equal(a.counted.get('gossip_dropped not-json'), 100)
  assert.equal(a.counted.get('gossip_dropped flood'), 50)
  a.clock.advance(61_000)
  liar.rooms.send(ROOM, liar.userId, 'better now')
  await eventually('read again', () => a.incoming.length === 1)
})

test('an old event that is here already is not passed on again, a new one is', async () => {
  const network = new MemoryNetwork()
  const [a, b, c] = [
    await TestNode.start(network, 'a'),
    await TestNode.start(network, 'b'),
    await TestNode.start(network, 'c'),
  ]
  joinAll(ROOM, [a, b, c])
  await connected(network, a, b)
  await connected(network, b, c)
  const replayed = a.rooms.message(ROOM, a.userId, 'long ago')
  b.clock.advance(Math.max(0, replayed.originServerTs + 3_600_000 - b.clock.now()))
  b.rooms.known.add(replayed.eventId)
  await a.net.roomGossip.publish(ROOM, replayed)
  await eventually('b has seen it', () => b.counted.get('gossip_dropped replay') === 1)
  await network.settled()
  assert.equal(c.incoming.length, 0)
  const fresh = a.rooms.message(ROOM, a.userId, 'as old, and new to b')
  await a.net.roomGossip.publish(ROOM, fresh)
  await eventually('twin: what b has not got goes on, however old', () => c.incoming.length === 1)
})

test('a batch of EDUs that comes again after newer ones is stale', async () => {
  const network = new MemoryNetwork()
  const [a, b] = [await TestNode.start(network, 'a'), await TestNode.start(network, 'b')]
  joinAll(ROOM, [a, b])
  await connected(network, a, b)
  const typing = (on: boolean) => ({
    edu_type: 'm.typing',
    content: { room_id: ROOM, user_id: a.userId, typing: on },
  })
  const old = sealBatch(ROOM, [typing(true)], a.clock.now(), a.keys.keyRing)
  const newer = sealBatch(ROOM, [typing(false)], a.clock.now() + 60_000, a.keys.keyRing)
  await a.host.gossip.publish(TOPIC, newer)
  await network.settled()
  await a.host.gossip.publish(TOPIC, old)
  await eventually('dropped', () => b.counted.get('gossip_dropped stale-batch') === 1)
  assert.deepEqual(b.net.ephemeral.typing(ROOM).users, [])
  const newest = sealBatch(ROOM, [typing(true)], a.clock.now() + 61_000, a.keys.keyRing)
  await a.host.gossip.publish(TOPIC, newest)
  await eventually('twin: in its time it counts', () => b.net.ephemeral.typing(ROOM).users.length === 1)
})
