import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import { stateSlot, withoutKeys } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode, type WireRequest } from '../../../test/exchange-network.ts'
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
  return { network, nodes: nodes as [ExchangeNode, ExchangeNode, ExchangeNode], roomId }
}

async function say(node: ExchangeNode, roomId: RoomId, count: number, prefix = 'm'): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  for (const body of bodies) await node.rooms.message(roomId, node.user(), body)
  return bodies
}

/** An event of `author` on parents of its choice. */
async function forge(author: ExchangeNode, roomId: RoomId, change: JsonObject): Promise<JsonObject> {
  const draft = { roomId, sender: author.user(), type: 'm.room.message', content: { body: 'forged' } }
  return author.engine.finish({ ...(await author.engine.template(draft)), ...change }, '12').pdu.json
}

const unknownId = (index: number) => `$${String(index).padStart(43, 'x')}`

test('an event whose parents were missed brings them in, in order', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.gossip = false
  const missed = await say(a, roomId, 30)
  network.gossip = true
  await a.rooms.message(roomId, a.user(), 'last')
  await network.settled()
  assert.deepEqual(await b.rooms.bodies(roomId), [...missed, 'last'])
  assert.ok(network.requests.some(({ uri }) => uri.includes('/get_missing_events/')))
})

test('a gap too long for get_missing_events is closed in forward steps', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.gossip = false
  const missed = await say(a, roomId, limits.missingRounds * limits.eventsPerAnswer + 150)
  network.gossip = true
  await a.rooms.message(roomId, a.user(), 'last')
  await network.settled()
  assert.deepEqual(await b.rooms.bodies(roomId), [...missed, 'last'])
})

test('a burst of events with the same missing parents is fetched once', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  network.gossip = false
  await say(a, roomId, 5)
  const burst: JsonObject[] = []
  for (let index = 0; index < 10; index++) {
    burst.push((await a.rooms.pdu(await a.rooms.message(roomId, a.user(), `burst${index}`))).json)
  }
  const before = network.requests.length
  await Promise.all([...burst, ...burst].reverse().map((json) => b.hear(json, roomId, a.name)))
  assert.equal((await b.rooms.bodies(roomId)).length, 15)
  const fetches = network.requests.slice(before).filter(({ uri }) => uri.includes('/get_missing_events/'))
  assert.ok(fetches.length <= 2, `${fetches.length} fetches`)
})

test('parents come from another member where the carrier does not give them', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const mute = async ({ uri }: WireRequest, honest: () => Promise<JsonObject>): Promise<JsonObject> =>
    /missing|since|event|state/.test(uri) ? {} : honest()
  const a = await network.add('a', { tamper: mute })
  const b = await network.add('b')
  const c = await network.add('c')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await c.join(roomId, [a])
  await network.settled()
  network.cut(a, b)
  const missed = await say(a, roomId, 3)
  await network.settled()
  network.gossip = false
  const last = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'last'))
  const verdict = await b.hear(last.json, roomId, c.name)
  assert.equal(verdict.kind, 'accepted')
  assert.deepEqual(await b.rooms.bodies(roomId), [...missed, 'last'])
})

test('bad input 52: parents that nobody has: bounded fetch, parked, then dropped', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b', 'c')
  const [, b, c] = nodes
  const forged = await forge(b, roomId, { prev_events: [unknownId(1)], depth: 50 })
  const before = network.requests.length
  const verdict = await c.hear(forged, roomId, b.name)
  assert.equal(verdict.kind, 'waiting')
  const asked = network.requests.length - before
  assert.ok(asked > 0 && asked <= limits.serversPerFetch * 6, `${asked} requests`)
  for (let beat = 1; beat <= limits.parkedAttempts; beat++) {
    c.timers.fire()
    await network.settled()
  }
  assert.ok(c.counted.includes('parked_dropped:attempts'))
  const quiet = network.requests.length
  c.timers.fire()
  await network.settled()
  assert.ok(
    network.requests.slice(quiet).every(({ uri }) => uri.endsWith('/extremities')),
    'nobody is asked any more',
  )
  // The room goes on.
  assert.equal((await c.rooms.bodies(roomId)).length, 0)
  await say(c, roomId, 1)
  await network.settled()
  assert.deepEqual(await b.rooms.bodies(roomId), ['m0'])
})

test('a parked event is taken in when its parent lands', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  network.gossip = false
  const parent = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'parent'))
  const child = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'child'))
  const grandchild = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'grandchild'))
  network.cut(a, b)
  assert.equal((await b.hear(grandchild.json, roomId, c.name)).kind, 'waiting')
  assert.equal((await b.hear(child.json, roomId, c.name)).kind, 'waiting')
  assert.equal((await b.hear(parent.json, roomId, c.name)).kind, 'accepted')
  assert.deepEqual(await b.rooms.bodies(roomId), ['parent', 'child', 'grandchild'])
})

test('bad input 53: endless fake ancestors are cut off, and cost a bounded number of requests and events', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const fakes: { make?: (prev: number) => Promise<JsonObject>; next: number } = { next: 10 }
  const b = await network.add('b', {
    tamper: async ({ uri, content }, honest) => {
      if (!/get_missing_events|events_since/.test(uri) || !fakes.make || !content) return honest()
      const events: JsonObject[] = []
      for (let index = 0; index < 20; index++) events.unshift(await fakes.make(fakes.next++))
      return { events, plan: 'more', next: 5 }
    },
  })
  const a = await network.add('a')
  const c = await network.add('c')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await c.join(roomId, [a])
  await network.settled()
  // Each fake names the next, so that whoever believes them never comes to an end.
  const made = new Map<number, JsonObject>()
  const chain: JsonObject[] = []
  let prev = unknownId(0)
  for (let index = 0; index < 600; index++) {
    const event = await forge(b, roomId, { prev_events: [prev], depth: 100 + index })
    chain.push(event)
    const result = await b.engine.check(event, '12')
    prev = result.ok ? result.checked.pdu.eventId : prev
    made.set(index, event)
  }
  const top = chain.at(-1) as JsonObject
  let given = chain.length - 1
  fakes.make = async () => chain[Math.max(0, --given)] as JsonObject
  const before = network.requests.length
  const verdict = await c.hear(top, roomId, b.name)
  assert.equal(verdict.kind, 'waiting')
  const asked = network.requests.slice(before).length
  assert.ok(asked < 40, `${asked} requests`)
  assert.ok(c.rooms.engine)
  await say(a, roomId, 2)
  await network.settled()
  assert.deepEqual(await c.rooms.bodies(roomId), ['m0', 'm1'])
})

test('bad input 52: a flood of events without parents costs a bounded number of requests, and holds up nobody else', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b', 'c')
  const [a, b, c] = nodes
  const before = network.requests.length
  for (let index = 0; index < 100; index++) {
    const forged = await forge(b, roomId, { prev_events: [unknownId(index)], depth: 50 })
    assert.equal((await c.hear(forged, roomId, b.name)).kind, 'waiting')
  }
  const asked = network.requests.length - before
  const perEvent = limits.serversPerFetch * 4
  assert.ok(asked <= limits.vainFetchesPerMinute * perEvent, `${asked} requests`)
  assert.ok(asked < (100 * perEvent) / 4, 'twin: without the bound every event costs its requests')
  // Events of another server are still fetched for.
  network.gossip = false
  const missed = await say(a, roomId, 3)
  const last = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'last'))
  assert.equal((await c.hear(last.json, roomId, a.name)).kind, 'accepted')
  assert.deepEqual(await c.rooms.bodies(roomId), [...missed, 'last'])
})

test('bad input 74: who answers slowly has a bounded line of events waiting, and nobody else waits in it', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const gate = Promise.withResolvers<void>()
  const isSlow = (uri: string) => !uri.includes('make_join') && !uri.includes('send_join')
  const a = await network.add('a')
  const b = await network.add('b', {
    tamper: async (request, honest) => {
      if (isSlow(request.uri)) await gate.promise
      return honest()
    },
  })
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  network.gossip = false
  const heard: Promise<unknown>[] = []
  let answered = 0
  for (let index = 0; index < limits.waitingForFetch + 11; index++) {
    const json = await forge(b, roomId, { prev_events: [unknownId(index)] })
    heard.push(a.hear(json, roomId, b.name).finally(() => answered++))
  }
  const good = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'good'))
  assert.equal((await a.hear(good.json, roomId, b.name)).kind, 'accepted')
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answered, 10, 'parked at once')
  gate.resolve()
  await Promise.all(heard)
})

test('a stranger makes nobody fetch', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a] = nodes
  const stranger = await network.add('stranger')
  const draft = { roomId, sender: a.user(), type: 'm.room.message', content: { body: 'x' } }
  const { json } = stranger.engine.finish(
    {
      ...(await a.engine.template(draft)),
      sender: stranger.user(),
      prev_events: [unknownId(1)],
      auth_events: [unknownId(2)],
    },
    '12',
  ).pdu
  const before = network.requests.length
  const answer = await a.ask(stranger, 'PUT', '/_matrix/federation/v1/send/1', { pdus: [json] })
  assert.ok(JSON.stringify(answer).includes('error'))
  assert.equal(network.requests.length, before + 1, 'the request itself')
})

test('a stranger, and who was banned, store nothing in a room whose id they know', async (t) => {
  const { network, nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  const stranger = await network.add('stranger')
  // In version 12 the room id names the create event: a parent that everybody has.
  const create = `$${roomId.slice(1)}`
  const draft = { roomId, sender: a.user(), type: 'm.room.message', content: { body: 'x' } }
  const template = await a.engine.template(draft)
  const unwelcome = stranger.engine.finish(
    { ...template, sender: stranger.user(), prev_events: [create], auth_events: [] },
    '12',
  ).pdu
  const put = (from: ExchangeNode, txnId: string, json: JsonObject) =>
    a.ask(from, 'PUT', `/_matrix/federation/v1/send/${txnId}`, { pdus: [json] })
  assert.ok(JSON.stringify(await put(stranger, '1', unwelcome.json)).includes('error'))
  network.gossip = false
  await a.rooms.setMembership(roomId, a.user(), b.user(), 'ban')
  const late = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'late'))
  await put(b, '2', late.json)
  assert.deepEqual(await a.engine.inDag([unwelcome.eventId, late.eventId]), new Set())
  assert.equal((await a.engine.events([late.eventId])).size, 0)
  // The twin: carried by a member they are judged and kept, as the spec has it.
  const c = await network.add('c')
  await c.join(roomId, [a])
  await a.hear(late.json, roomId, c.name)
  await a.hear(unwelcome.json, roomId, c.name)
  assert.deepEqual(await a.engine.inDag([unwelcome.eventId, late.eventId]), new Set([unwelcome.eventId, late.eventId]))
})

test('bad input 37: 21 parents are refused by the checks, wherever the event comes from', async (t) => {
  const { nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  const draft = { roomId, sender: a.user(), type: 'm.room.message', content: { body: 'x' } }
  const template = await a.engine.template(draft)
  const many = {
    ...template,
    prev_events: Array.from({ length: 21 }, (_, index) => unknownId(index)),
    hashes: { sha256: 'x' },
    signatures: {},
  }
  assert.equal((await b.hear(many as JsonObject, roomId, a.name)).kind, 'refused')
})

test('missing auth events are fetched, and what is not asked for is not taken', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const c = await network.add('c')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.cut(a, b)
  await c.join(roomId, [a])
  await network.settled()
  network.gossip = false
  const eventId = await c.rooms.message(roomId, c.user(), 'from a stranger to b')
  await a.hear((await c.rooms.pdu(eventId)).json, roomId, c.name)
  // b has never heard of c's join, which is both a parent and an auth event.
  network.cut(b, c)
  await network.join(a, b)
  assert.equal(await b.membership(roomId, c.user()), 'join')
  assert.deepEqual(await b.rooms.bodies(roomId), ['from a stranger to b'])
})

/** Heartbeats, until the last attempt at what is parked. */
async function beats(network: ExchangeNetwork, node: ExchangeNode): Promise<void> {
  for (let beat = 0; beat < limits.parkedAttempts; beat++) {
    node.timers.fire()
    await network.settled()
  }
}

test('where nobody gives the parents, the state at the gap lets the event in, and history fills it later', async (t) => {
  const gap = { open: false }
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a', {
    tamper: async ({ uri }, honest) =>
      !gap.open && /get_missing_events|events_since/.test(uri) ? { events: [] } : honest(),
  })
  const b = await network.add('b')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.gossip = false
  const missed = await say(a, roomId, 4)
  await a.rooms.setState(roomId, a.user(), 'm.room.name', '', { name: 'changed in the gap' })
  const last = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'last'))
  assert.equal((await b.hear(last.json, roomId, a.name)).kind, 'waiting')
  assert.ok(
    !network.requests.some(({ uri }) => uri.includes('/state_ids/')),
    'who gives no parents now may do so later',
  )
  await beats(network, b)
  assert.ok(network.requests.some(({ uri }) => uri.includes('/state_ids/')))
  assert.deepEqual(await b.rooms.stateOf(roomId), await a.rooms.stateOf(roomId))
  gap.open = true
  const slice = await b.rooms.reader.timeline(roomId, { direction: 'b', limit: 50 })
  const bodies = slice.events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [pdu.content.body] : []))
  assert.deepEqual(bodies.sort(), ['last', ...missed].sort())
})

/** `a` leaves a ban out of the state at a gap, which two others hold. True where `b`, having bridged the gap, holds the ban. */
async function lieAtGap(t: TestContext, { alone }: { readonly alone: boolean }): Promise<boolean> {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  let banId: EventId | undefined
  const mute = async ({ uri }: WireRequest, honest: () => Promise<JsonObject>): Promise<JsonObject> =>
    /missing|since|backfill/.test(uri) ? { events: [], pdus: [] } : honest()
  const liar = async (request: WireRequest, honest: () => Promise<JsonObject>) => {
    const answer = await mute(request, honest)
    const ids = answer.pdu_ids as string[] | undefined
    return ids ? { ...answer, pdu_ids: ids.filter((id) => id !== banId) } : answer
  }
  const a = await network.add('a', { tamper: liar })
  const b = await network.add('b')
  const others = [await network.add('c', { tamper: mute }), await network.add('d', { tamper: mute })]
  const roomId = await a.rooms.createRoom(a.user())
  for (const node of [b, ...others]) await node.join(roomId, [a])
  await network.settled()
  network.gossip = false
  banId = await a.rooms.setMembership(roomId, a.user(), '@gone:elsewhere' as UserId, 'ban')
  const lastId = await a.rooms.message(roomId, a.user(), 'last')
  for (const id of [banId, lastId]) {
    const { json } = await a.rooms.pdu(id)
    for (const node of others) assert.equal((await node.hear(json, roomId, a.name)).kind, 'accepted')
  }
  if (alone) for (const node of others) network.cut(b, node)
  assert.equal((await b.hear((await a.rooms.pdu(lastId)).json, roomId, a.name)).kind, 'waiting')
  await beats(network, b)
  assert.equal((await b.engine.inDag([lastId])).size, 1)
  assert.deepEqual(await b.engine.reportedRooms(), [roomId])
  return (await b.engine.currentState(roomId)).has(stateSlot('m.room.member', '@gone:elsewhere'))
}

test('a state at the gap that two members contradict is not believed, and theirs is', async (t) => {
  assert.equal(await lieAtGap(t, { alone: false }), true)
})

test('twin: with nobody else in reach, the state that a liar reports at a gap stands until the parents come', async (t) => {
  assert.equal(await lieAtGap(t, { alone: true }), false)
})

test('a state at the gap with a hole or a forged event in it is not believed', async (t) => {
  for (const lie of ['hole', 'forged', 'twice', 'no create'] as const) {
    let createId: string | undefined
    const network = new ExchangeNetwork()
    t.after(() => network.stop())
    const a = await network.add('a', {
      tamper: async ({ uri }, honest) => {
        if (/get_missing_events|events_since/.test(uri)) return { events: [] }
        const answer = await honest()
        if (!/state_ids|state/.test(uri)) return answer
        const ids = (answer.pdu_ids ?? []) as string[]
        const pdus = (answer.pdus ?? []) as JsonObject[]
        if (lie === 'hole') return { ...answer, pdu_ids: [...ids, unknownId(1)], pdus: [...pdus, {}] }
        if (lie === 'forged') return { ...answer, pdu_ids: 'x', pdus: pdus.map((pdu) => ({ ...pdu, sender: '@x:c' })) }
        if (lie === 'twice') return { ...answer, pdu_ids: [...ids, ...ids] }
        const others = pdus.filter(({ type }) => type !== 'm.room.create')
        return { ...answer, pdu_ids: ids.filter((id) => id !== createId), pdus: others }
      },
    })
    const b = await network.add('b')
    const roomId = await a.rooms.createRoom(a.user())
    createId = (await a.engine.currentState(roomId)).get(stateSlot('m.room.create', ''))
    await b.join(roomId, [a])
    await network.settled()
    network.gossip = false
    await say(a, roomId, 2)
    const last = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'last'))
    assert.equal((await b.hear(last.json, roomId, a.name)).kind, 'waiting', lie)
    await beats(network, b)
    assert.ok(network.requests.some(({ uri }) => uri.includes('/state_ids/')))
    assert.equal((await b.engine.inDag([last.eventId])).size, 0, lie)
  }
})

test('incoming never throws, whatever comes', async (t) => {
  const { nodes, roomId } = await sharedRoom(t, 'a', 'b')
  const [a, b] = nodes
  const good = await a.rooms.pdu(await a.rooms.message(roomId, a.user(), 'x'))
  const rubbish: JsonObject[] = [
    {},
    { room_id: roomId },
    { ...good.json, depth: -1 },
    { ...good.json, signatures: { a: { 'ed25519:test': 'x' } } },
    { ...good.json, prev_events: 'x' as never },
    { ...good.json, content: undefined },
    withoutKeys(good.json, 'hashes'),
    { ...good.json, server_keys: [1, 2, 3] as never, depth: 0.5 },
  ]
  for (const json of rubbish) assert.equal((await b.hear(json, roomId, a.name)).kind, 'refused', JSON.stringify(json))
  const elsewhere = await b.hear(good.json, `!${'x'.repeat(43)}` as RoomId, a.name)
  assert.equal(elsewhere.kind, 'refused')
})

test('history from before the join is fetched when a reader pages back', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const roomId = await a.rooms.createRoom(a.user())
  const old = await say(a, roomId, 40)
  await b.join(roomId, [a])
  await network.settled()
  const bodies: unknown[] = []
  let from: number | undefined
  for (let page = 0; page < 20; page++) {
    const walk = { direction: 'b' as const, limit: 10, ...(from === undefined ? {} : { from }) }
    const slice = await b.rooms.reader.timeline(roomId, walk)
    bodies.push(...slice.events.flatMap(({ pdu }) => (pdu.type === 'm.room.message' ? [pdu.content.body] : [])))
    if (slice.next === undefined) break
    from = slice.next
  }
  assert.deepEqual(bodies.reverse(), old)
})

test('history is not taken from who forges it, and fetching it gives up quietly', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a', {
    tamper: async ({ uri }, honest) => {
      const answer = await honest()
      if (!uri.includes('/backfill/')) return answer
      const pdus = (answer.pdus as JsonObject[]).map((pdu) => ({ ...pdu, signatures: {} }))
      return { ...answer, pdus }
    },
  })
  const b = await network.add('b')
  const roomId = await a.rooms.createRoom(a.user())
  await say(a, roomId, 5)
  await b.join(roomId, [a])
  await network.settled()
  const slice = await b.rooms.reader.timeline(roomId, { direction: 'b', limit: 50 })
  assert.equal(
    slice.events.some(({ pdu }) => pdu.type === 'm.room.message'),
    false,
  )
  assert.ok(b.counted.includes('fetched_event_refused:missing_signature'))
})
