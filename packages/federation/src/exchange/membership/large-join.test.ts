import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject, RoomId, RoomVersionRules } from '@starling/protocol'
import { roomVersionRules } from '@starling/protocol'
import { MemoryStore, testCrypto } from '@starling/testkit'
import { ExchangeNetwork, type NodeOptions } from '../../../test/exchange-network.ts'
import {
  type Answer,
  asked,
  createLargeRoom,
  isSendJoin,
  isStateEvents,
  LARGE,
  roomRows,
  withTimers,
} from '../../../test/large-room.ts'
import { MANIFEST } from '../answers/send-join.ts'
import { digestIds, packIds, unpackIds } from '../wire/packed-ids.ts'

type Tamper = NonNullable<NodeOptions['tamper']>

function networkOf(t: TestContext): ExchangeNetwork {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  return network
}

const rules = roomVersionRules('12') as RoomVersionRules
const refused = { name: 'RoomError', code: 'unreachable' }

for (const version of ['3', '11', '12']) {
  test(`a large room is entered by its manifest, its state fetched in pages (room version ${version})`, async (t) => {
    const network = networkOf(t)
    const versions = { parts: { versions: [version] } }
    const a = await network.add('a', versions)
    const b = await network.add('b', versions)
    const roomId = await createLargeRoom(a, version)
    await a.rooms.message(roomId, a.user(), 'before')
    await b.join(roomId, [a])
    await network.settled()
    assert.deepEqual(await b.rooms.stateOf(roomId), await a.rooms.stateOf(roomId))
    assert.equal(asked(network, b, a, isSendJoin), 1)
    assert.ok(asked(network, b, a, isStateEvents) > 1)
    assert.deepEqual(await b.rooms.reader.memberCounts(roomId), { joined: 2, invited: 0 })
    await a.rooms.message(roomId, a.user(), 'from a')
    await b.rooms.message(roomId, b.user(), 'from b')
    await network.settled()
    assert.deepEqual((await a.rooms.bodies(roomId)).slice(-2).sort(), ['from a', 'from b'])
    assert.deepEqual((await b.rooms.bodies(roomId)).slice(-2).sort(), ['from a', 'from b'])
    const left = await roomRows(b.rooms.store as MemoryStore)
    assert.equal(left['bucket 113'] ?? 0, 0)
    assert.equal(left['bucket 114'] ?? 0, 0)
  })
}

test('a small room comes whole in the one answer; a server that does not ask for the manifest gets large rooms whole', async (t) => {
  const network = networkOf(t)
  const [a, b, c] = [await network.add('a'), await network.add('b'), await network.add('c')]
  const small = await a.rooms.createRoom(a.user(), '12', [
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } },
  ])
  await b.join(small, [a])
  assert.equal(network.requests.filter(({ from, uri }) => from === b.name && !uri.includes('extremities')).length, 2)

  const large = await createLargeRoom(a)
  const draft = { roomId: large, sender: c.user(), type: 'm.room.member', stateKey: c.user() }
  const event = c.engine.finish(await a.engine.template({ ...draft, content: { membership: 'join' } }), '12')
  const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(large)}/${encodeURIComponent(event.pdu.eventId)}`
  const answer = await a.ask(c, 'PUT', uri, event.pdu.json)
  assert.ok((answer.state as JsonObject[]).length > LARGE)
  assert.equal(answer[MANIFEST], undefined)
})

test('a server that answers a large room whole is joined through as well', async (t) => {
  const network = networkOf(t)
  const plain = await network.add('plain')
  const b = await network.add('b')
  const roomId = await createLargeRoom(plain)
  const old = await network.add('old', {
    // What it is asked for a manifest by, it has never heard of.
    tamper: ({ method, uri, content }) => plain.ask(b, method as 'PUT', uri.replace(MANIFEST, 'unknown'), content),
  })
  await b.join(roomId, [old])
  assert.deepEqual(await b.rooms.stateOf(roomId), await plain.rooms.stateOf(roomId))
  assert.equal(asked(network, b, plain, isStateEvents), 0)
})

test('a member that stalls is overtaken: its pages are asked of another', async (t) => {
  const network = networkOf(t)
  const stall = Promise.withResolvers<void>()
  t.after(() => stall.resolve())
  const a = await network.add('a', {
    tamper: async (request, honest) => {
      if (isStateEvents(request)) await stall.promise
      return honest()
    },
  })
  const c = await network.add('c')
  const b = await network.add('b')
  const roomId = await createLargeRoom(c)
  await withTimers(a.join(roomId, [c]), a)
  await network.settled()
  await withTimers(b.join(roomId, [a]), b)
  stall.resolve()
  assert.deepEqual(await b.rooms.stateOf(roomId), await c.rooms.stateOf(roomId))
  assert.ok(asked(network, b, a, isStateEvents) > 0 && asked(network, b, c, isStateEvents) > 0)
})

const LIES: readonly (readonly [what: string, counted: string | undefined, lie: (answer: Answer) => JsonObject])[] = [
  [
    'forges an event',
    'bad_signature',
    ({ events }) => ({ events: events.map((one) => ({ ...one, origin_server_ts: 1, hashes: one.hashes ?? {} })) }),
  ],
  [
    'takes signatures away',
    'missing_signature',
    ({ events }) => ({ events: events.map((one) => ({ ...one, signatures: {} })) }),
  ],
  ['gives the same events for every page', undefined, ({ events }) => ({ events: [...events, ...events] })],
  ['gives no list', 'malformed', () => ({ events: {} })],
  ['gives what is no event', 'not-an-object', () => ({ events: [1] })],
  ['has nothing', undefined, () => ({ events: [] })],
  ['gives one event at a time', undefined, ({ events }) => ({ events: events.slice(0, 1) })],
]

test('bad input 51: of a member that lies nothing is taken that is not right, and the room is entered by another', async (t) => {
  const network = networkOf(t)
  let lie: (answer: Answer) => JsonObject = (answer) => answer
  const a = await network.add('a', {
    tamper: async (request, honest) => {
      const answer = await honest()
      return isStateEvents(request) ? lie(answer as Answer) : answer
    },
  })
  const c = await network.add('c')
  const roomId = await createLargeRoom(c)
  await a.join(roomId, [c])
  for (const [what, counted, told] of LIES) {
    lie = told
    const b = await network.add(`b-${LIES.findIndex(([one]) => one === what)}`)
    await network.settled()
    await withTimers(b.join(roomId, [a, c]), b)
    const ours = await b.engine.currentState(roomId)
    for (const [slot, id] of await c.engine.currentState(roomId)) assert.equal(ours.get(slot), id, what)
    if (counted !== undefined) assert.ok(b.counted.includes(`join_source_discredited:${counted}`), b.counted.join())
  }
})

test('bad input 51: where nobody else has the events, a liar’s room is not entered and nothing of it stays', async (t) => {
  const network = networkOf(t)
  const tamper: Tamper = async (request, honest) => {
    const answer = (await honest()) as Answer
    if (!isStateEvents(request)) return answer
    const [last] = answer.events.slice(-1)
    return { events: [...answer.events.slice(0, -1), { ...last, signatures: {} }] }
  }
  const a = await network.add('a', { tamper })
  const store = new MemoryStore()
  const b = await network.add('b', { store })
  const roomId = await createLargeRoom(a)
  await assert.rejects(withTimers(b.join(roomId, [a]), b), refused)
  assert.deepEqual(await roomRows(store), {})
  assert.equal(await b.engine.roomVersion(roomId), undefined)
})

test('an invite stays when the join that it allowed comes to nothing', async (t) => {
  const network = networkOf(t)
  let lies = true
  const a = await network.add('a', {
    tamper: async (request, honest) => (lies && isStateEvents(request) ? { events: [1] } : honest()),
  })
  const b = await network.add('b')
  const roomId = await createLargeRoom(a)
  await a.rooms.setState(roomId, a.user(), 'm.room.join_rules', '', { join_rule: 'invite' })
  await a.invite(roomId, b.user())
  await assert.rejects(withTimers(b.join(roomId), b), refused)
  assert.equal(await b.membership(roomId, b.user()), 'invite')
  lies = false
  await b.join(roomId)
  assert.equal(await b.membership(roomId, b.user()), 'join')
  await network.settled()
  assert.deepEqual(await b.rooms.stateOf(roomId), await a.rooms.stateOf(roomId))
})

type Manifest = JsonObject & { readonly state: string; readonly auth_chain: string }

/** The manifest with other ids of the state, and everything else to match. */
async function withState(manifest: Manifest, change: (ids: EventId[]) => EventId[]): Promise<JsonObject> {
  const ids = change(unpackIds(manifest.state, rules, 100_000) ?? [])
  return { ...manifest, state: packIds(ids), state_count: ids.length, digest: await digestIds(ids, testCrypto.sha256) }
}

function withChain(manifest: Manifest, change: (ids: EventId[]) => EventId[]): JsonObject {
  const ids = change(unpackIds(manifest.auth_chain, rules, 100_000) ?? [])
  return { ...manifest, auth_chain: packIds(ids), auth_chain_count: ids.length }
}

const FALSE_MANIFESTS: readonly (readonly [
  what: string,
  forge: (manifest: Manifest) => JsonObject | Promise<JsonObject>,
])[] = [
  ['a digest that is not that of its ids', (one) => ({ ...one, digest: 'x' })],
  ['another count than ids', (one) => ({ ...one, state_count: 3 })],
  ['an id twice', (one) => withState(one, (ids) => [...ids, ...ids.slice(0, 1)])],
  ['ids of nothing', (one) => withState(one, (ids) => [...ids, `$${'x'.repeat(42)}A` as EventId])],
  ['no create event', (one) => withChain(one, (ids) => ids.slice(1))],
  [
    'an auth event in neither list',
    async (one) => {
      const [, hole] = unpackIds(one.auth_chain, rules, 100_000) ?? []
      const without = (ids: EventId[]) => ids.filter((id) => id !== hole)
      return withState(withChain(one, without) as Manifest, without)
    },
  ],
  ['an endless auth chain', (one) => ({ ...one, auth_chain_count: 1_000_000 })],
  ['forged events beside it', (one) => ({ ...one, events: [{ type: 'm.room.create' }] })],
  ['no ids', ({ state: _, ...one }) => one],
]

test('bad input 51: a manifest that does not stand up to its checks is refused, and the next server asked', async (t) => {
  const network = networkOf(t)
  let forge: (typeof FALSE_MANIFESTS)[number][1] | undefined
  const liar = await network.add('a', {
    tamper: async (request, honest) => {
      const answer = await honest()
      if (!forge) return answer
      if (request.uri.includes('/join_ids/')) return {}
      return isSendJoin(request) ? { ...answer, [MANIFEST]: await forge(answer[MANIFEST] as Manifest) } : answer
    },
  })
  const c = await network.add('c')
  const roomId = await createLargeRoom(c)
  await liar.join(roomId, [c])
  for (const [index, [what, forged]] of FALSE_MANIFESTS.entries()) {
    await network.settled()
    forge = forged
    const store = new MemoryStore()
    const b = await network.add(`b-${index}`, { store })
    await assert.rejects(withTimers(b.join(roomId, [liar]), b), refused, what)
    assert.deepEqual(await roomRows(store), {}, what)
    await withTimers(b.join(roomId, [liar, c]), b)
    const ours = await b.engine.currentState(roomId)
    for (const [slot, id] of await c.engine.currentState(roomId)) assert.equal(ours.get(slot), id, what)
  }
})

/** A resident that keeps a ban from who joins: everything that it gives is true, but not all of it is given. */
async function omittedBan(t: TestContext, honestMembers: readonly string[]) {
  const network = networkOf(t)
  const banned = '@banned:elsewhere'
  const tamper: Tamper = async (request, honest) => {
    const answer = await honest()
    if (request.from !== 'b' || !isSendJoin(request)) return answer
    const ban = (await liar.engine.currentState(roomId)).get(`13:m.room.member${banned}` as never)
    assert.ok(ban)
    return {
      ...answer,
      [MANIFEST]: await withState(answer[MANIFEST] as Manifest, (ids) => ids.filter((id) => id !== ban)),
    }
  }
  const liar = await network.add('a', { tamper })
  const b = await network.add('b')
  const roomId: RoomId = await createLargeRoom(liar)
  await liar.rooms.setState(roomId, liar.user(), 'm.room.member', banned, { membership: 'ban' })
  for (const name of honestMembers) await (await network.add(name)).join(roomId, [liar])
  await network.settled()
  await b.join(roomId, [liar])
  return { b, liar, roomId, banned }
}

test('bad input 51: a ban that the resident leaves out of the state is there all the same where other members say so', async (t) => {
  const { b, roomId, banned } = await omittedBan(t, ['c', 'd'])
  assert.equal(await b.membership(roomId, banned as never), 'ban')
  assert.ok(b.counted.includes('join_state_disputed:outvoted'))
})

test('bad input 51, the twin: where nobody is there to compare with, the ban is missing', async (t) => {
  const { b, roomId, banned } = await omittedBan(t, [])
  assert.equal(await b.membership(roomId, banned as never), undefined)
})
