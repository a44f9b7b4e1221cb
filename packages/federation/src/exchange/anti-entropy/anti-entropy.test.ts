import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode } from '../../../test/exchange-network.ts'
import { limits } from '../limits.ts'

async function sharedRoom(t: TestContext, ...names: readonly string[]) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const nodes: ExchangeNode[] = []
  for (const name of names) nodes.push(await network.add(name))
  const [a] = nodes as [ExchangeNode]
  const roomId = await a.rooms.createRoom(a.user())
  for (const node of nodes.slice(1)) await node.join(roomId, [a])
  await network.settled()
  return { network, nodes: nodes as [ExchangeNode, ExchangeNode, ...ExchangeNode[]], roomId }
}

async function say(node: ExchangeNode, roomId: RoomId, count: number, prefix = 'm'): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  for (const body of bodies) await node.rooms.message(roomId, node.user(), body)
  return bodies
}

async function assertSame(roomId: RoomId, ...nodes: ExchangeNode[]): Promise<void> {
  const [first, ...rest] = nodes as [ExchangeNode, ...ExchangeNode[]]
  const state = await first.rooms.stateOf(roomId)
  const bodies = (await first.rooms.bodies(roomId)).sort()
  for (const node of rest) {
    assert.deepEqual(await node.rooms.stateOf(roomId), state, node.name)
    assert.deepEqual((await node.rooms.bodies(roomId)).sort(), bodies, node.name)
  }
}

test('50 messages missed arrive in full and in order on meeting', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.cut(a, b)
  const missed = await say(a, roomId, 50)
  assert.deepEqual(await b.rooms.bodies(roomId), [])
  await network.join(a, b)
  assert.deepEqual(await b.rooms.bodies(roomId), missed)
})

test('one comparison heals both sides: who is asked and differs asks back', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.gossip = false
  await say(a, roomId, 3, 'a')
  await say(b, roomId, 3, 'b')
  await a.rooms.setState(roomId, a.user(), 'm.room.name', '', { name: 'of a' })
  await b.rooms.setState(roomId, b.user(), 'm.room.name', '', { name: 'of b' })
  await b.exchange.reconcile(a.name)
  await network.settled()
  assert.equal((await a.rooms.bodies(roomId)).length, 6)
  await assertSame(roomId, a, b)
})

test('more extremities than one answer names: what lies beyond the list comes all the same', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.gossip = false
  const prevEvents = await a.engine.forwardExtremities(roomId)
  const forks: JsonObject[] = []
  for (let index = 0; index < limits.extremitiesPerRoom + 5; index++) {
    const content = { msgtype: 'm.text', body: `fork ${index}` }
    const fork = await a.rooms.craft(roomId, { sender: a.user(), type: 'm.room.message', content, prevEvents })
    await a.rooms.receive(fork, '12')
    forks.push(fork)
  }
  // What b has already is just what a's answer names.
  for (const fork of forks.slice(0, limits.extremitiesPerRoom)) await b.rooms.receive(fork, '12')
  await b.exchange.reconcile(a.name)
  await network.settled()
  await assertSame(roomId, a, b)
})

/** A message on an old branch by a user who is removed since; `a` has it, and refuses it. */
async function withRefusedLeaf(t: TestContext) {
  const room = await sharedRoom(t, 'a', 'b', 'c')
  const { network, nodes, roomId } = room
  const [a, b, c] = nodes as [ExchangeNode, ExchangeNode, ExchangeNode]
  const prevEvents = await c.engine.forwardExtremities(roomId)
  const draft = { sender: c.user(), type: 'm.room.message', content: { body: 'old branch' }, prevEvents }
  const message = await c.rooms.craft(roomId, draft)
  await a.rooms.setMembership(roomId, a.user(), c.user(), 'ban')
  await network.settled()
  network.gossip = false
  const { kind, eventId } = await a.rooms.receive(message, '12')
  assert.equal(kind, 'soft-failed')
  return { network, a, b, roomId, eventId }
}

test('a leaf that the state refuses reaches who lacks it by comparison, and stays refused there', async (t) => {
  const { network, a, b, roomId, eventId } = await withRefusedLeaf(t)
  const before = await b.engine.forwardExtremities(roomId)
  await b.exchange.reconcile(a.name)
  await network.settled()
  assert.deepEqual(await b.engine.deadLeaves(roomId), [eventId])
  assert.deepEqual(await b.engine.forwardExtremities(roomId), before)
  assert.deepEqual(await b.rooms.bodies(roomId), [])
  const asked = network.requests.length
  await b.exchange.reconcile(a.name)
  await network.settled()
  assert.equal(network.requests.length, asked + 1, 'both have the same leaves now')
})

test('what is equal is not asked about again', async (t) => {
  const { network, nodes } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  await b.exchange.reconcile(a.name)
  await network.settled()
  const before = network.requests.length
  await b.exchange.reconcile(a.name)
  await network.settled()
  assert.deepEqual(
    network.requests.slice(before).map(({ uri }) => uri),
    ['/_starling/federation/v1/extremities'],
  )
})

test('A–B–C in a line: everybody gets everything', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b', 'c')
  const [a, b, c] = nodes as [ExchangeNode, ExchangeNode, ExchangeNode]
  network.cut(a, c)
  await say(a, roomId, 5, 'a')
  await say(c, roomId, 5, 'c')
  await network.settled()
  await assertSame(roomId, a, b, c)
  // And with gossip lost altogether, by comparisons alone.
  network.gossip = false
  await say(a, roomId, 5, 'x')
  await say(c, roomId, 5, 'y')
  for (let round = 0; round < 2; round++) {
    for (const node of [a, b, c]) {
      node.timers.fire()
      await network.settled()
    }
  }
  assert.equal((await b.rooms.bodies(roomId)).length, 20)
  await assertSame(roomId, a, b, c)
})

test('five nodes: a partition with both sides writing heals to one state', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b', 'c', 'd', 'e')
  const [a, b, ...rest] = nodes
  for (const one of [a, b]) for (const other of rest) network.cut(one, other)
  await say(a, roomId, 5, 'left')
  await a.rooms.setState(roomId, a.user(), 'm.room.name', '', { name: 'left' })
  for (const [index, node] of rest.entries()) await say(node, roomId, 3, `right${index}.`)
  await (rest[0] as ExchangeNode).rooms.setState(roomId, (rest[0] as ExchangeNode).user(), 'm.room.name', '', {
    name: 'right',
  })
  await network.settled()
  await network.join(b, rest[0] as ExchangeNode)
  for (let round = 0; round < 3; round++) {
    for (const node of nodes) {
      node.timers.fire()
      await network.settled()
    }
  }
  assert.equal((await a.rooms.bodies(roomId)).length, 14)
  await assertSame(roomId, ...nodes)
})

test('a gap of 1,500 events is pulled in bounded steps, each event placed at once', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.cut(a, b)
  const missed = await say(a, roomId, 1_500)
  await say(b, roomId, 20, 'own')
  const before = network.requests.length
  await network.join(a, b)
  const bodies = await allBodies(b, roomId)
  assert.deepEqual(
    bodies.filter((body) => !String(body).startsWith('own')),
    missed,
  )
  assert.equal((await allBodies(a, roomId)).length, 1_520)
  const steps = network.requests.slice(before).filter(({ uri, from }) => from === 'b' && uri.includes('/events_since/'))
  assert.ok(steps.length >= 15 && steps.length <= 18, `${steps.length} steps`)
})

async function allBodies(node: ExchangeNode, roomId: RoomId): Promise<unknown[]> {
  const bodies: unknown[] = []
  let from: number | undefined = 0
  while (from !== undefined) {
    const slice = await node.rooms.reader.timeline(roomId, { direction: 'f', limit: 1_000, from })
    bodies.push(...slice.events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [pdu.content.body] : [])))
    from = slice.next
  }
  return bodies
}

test('no room is named to a server that is not in it', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b', 'c')
  const [a, b, c] = nodes as [ExchangeNode, ExchangeNode, ExchangeNode]
  const secret = await a.rooms.createRoom(a.user())
  await b.join(secret, [a])
  await network.settled()
  network.gossip = false
  await say(a, secret, 1)
  const before = network.requests.length
  await a.exchange.reconcile(c.name)
  await network.settled()
  const named = network.requests
    .slice(before)
    .flatMap(({ content }) => Object.keys((content?.rooms ?? {}) as JsonObject))
  assert.equal(named.length, 1, 'only the room that both are in')
  assert.ok(roomId)
  await a.exchange.reconcile(b.name)
  const both = network.requests.at(-1)?.content?.rooms ?? network.requests[before]?.content?.rooms
  assert.ok(both)
})

test('fake answers to a comparison lead nowhere and end', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const liar = await network.add('liar', {
    tamper: async ({ uri, content }, honest) => {
      if (uri.endsWith('/extremities')) {
        const rooms = Object.keys((content?.rooms ?? {}) as JsonObject)
        const ids = Array.from(
          { length: limits.extremitiesPerRoom },
          (_, index) => `$${String(index).padStart(43, 'z')}`,
        )
        return { differ: Object.fromEntries(rooms.map((room) => [room, ids])) }
      }
      if (uri.includes('/events_since/')) return { events: [{ forged: true }], plan: 'forever', next: 1 }
      return honest()
    },
  })
  const a = await network.add('a')
  const roomId = await a.rooms.createRoom(a.user())
  await liar.join(roomId, [a])
  await network.settled()
  const before = network.requests.length
  await a.exchange.reconcile(liar.name)
  await network.settled()
  assert.ok(network.requests.length - before <= limits.extremitiesPerRoom + 10)
  for (let attempt = 1; attempt < limits.extremityAttempts; attempt++) await a.exchange.reconcile(liar.name)
  const givenUp = network.requests.length
  await a.exchange.reconcile(liar.name)
  assert.equal(network.requests.length, givenUp + 1, 'what never came is not asked for any more')
  for (const answer of [{}, { differ: [] }, { differ: { x: 'y' } }]) {
    const broken = await network.add(`broken${JSON.stringify(answer).length}`, {
      tamper: async () => answer as JsonObject,
    })
    await a.exchange.reconcile(broken.name)
  }
  assert.deepEqual(a.logger.lines, [])
})

test('a member that was banned meanwhile gets nothing more', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.cut(a, b)
  await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'ban' })
  await say(a, roomId, 3)
  await b.rooms.message(roomId, b.user(), 'of the banned')
  await network.join(a, b)
  assert.deepEqual(await b.rooms.bodies(roomId), ['of the banned'])
  assert.equal(await b.membership(roomId, b.user()), 'ban')
  assert.equal((await a.rooms.bodies(roomId)).includes('of the banned'), false)
})
