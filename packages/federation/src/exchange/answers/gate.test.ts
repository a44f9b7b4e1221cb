import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createIdOfRoom, type EventId, type JsonObject, type RoomId } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode, type NodeOptions } from '../../../test/exchange-network.ts'
import { limits } from '../limits.ts'
import { packIds } from '../wire/packed-ids.ts'

type Ask = readonly [
  method: 'GET' | 'POST' | 'PUT',
  uri: (roomId: string, eventId: string) => string,
  body?: (eventId: EventId, roomId: RoomId) => JsonObject,
]

/** Every read of a room. `{have: []}` and `latest_events` name an event of the room, as a stranger who learnt an id could. */
const READS: Readonly<Record<string, Ask>> = {
  backfill: ['GET', (room, event) => `/_matrix/federation/v1/backfill/${room}?v=${event}&limit=10`],
  get_missing_events: [
    'POST',
    (room) => `/_matrix/federation/v1/get_missing_events/${room}`,
    (eventId) => ({ latest_events: [eventId], earliest_events: [] }),
  ],
  event: ['GET', (_, event) => `/_matrix/federation/v1/event/${event}`],
  event_auth: ['GET', (room, event) => `/_matrix/federation/v1/event_auth/${room}/${event}`],
  state: ['GET', (room, event) => `/_matrix/federation/v1/state/${room}?event_id=${event}`],
  state_ids: ['GET', (room, event) => `/_matrix/federation/v1/state_ids/${room}?event_id=${event}`],
  timestamp_to_event: ['GET', (room) => `/_matrix/federation/v1/timestamp_to_event/${room}?ts=0&dir=f`],
  join_ids: ['GET', (room, event) => `/_starling/federation/v1/join_ids/${room}/${event}`],
  state_digest: ['GET', (room, event) => `/_starling/federation/v1/state_digest/${room}/${event}`],
  state_events: [
    'POST',
    (room) => `/_starling/federation/v1/state_events/${room}`,
    // In room version 12 the room's id names the create event, which every member and every invitee knows.
    (_, roomId) => ({ ids: packIds([createIdOfRoom(roomId)]) }),
  ],
  events_since: ['POST', (room) => `/_starling/federation/v1/events_since/${room}`, () => ({ have: [] })],
}

async function setUp(t: TestContext, options: NodeOptions = {}) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a', options)
  const b = await network.add('b')
  const invite = { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } }
  const roomId = await a.rooms.createRoom(a.user(), '12', [invite])
  const eventId = await a.rooms.message(roomId, a.user(), 'secret')
  return { network, a, b, roomId, eventId }
}

function ask(
  a: ExchangeNode,
  from: ExchangeNode,
  operation: string,
  roomId: RoomId,
  eventId: EventId,
): Promise<JsonObject> {
  const [method, uri, body] = READS[operation] as Ask
  return a.ask(from, method, uri(encodeURIComponent(roomId), encodeURIComponent(eventId)), body?.(eventId, roomId))
}

const forbidden = { code: 'refused', status: 403, errcode: 'M_FORBIDDEN' }

for (const operation of Object.keys(READS)) {
  test(`bad input 23, 29: ${operation} is refused to strangers, invited, left and banned servers`, async (t) => {
    const { network, a, b, roomId, eventId } = await setUp(t)
    const attempt = () => ask(a, b, operation, roomId, eventId)
    await assert.rejects(attempt(), forbidden, 'stranger')
    await a.invite(roomId, b.user())
    await assert.rejects(attempt(), forbidden, 'invited')
    await b.join(roomId)
    await network.settled()
    await attempt()
    await b.leave(roomId)
    await network.settled()
    await assert.rejects(attempt(), forbidden, 'left')
    await a.change({ roomId, sender: a.user(), target: b.user(), membership: 'ban' })
    await network.settled()
    await assert.rejects(attempt(), forbidden, 'banned')
  })

  test(`twin: with the gate open, ${operation} gives a stranger what is in the room`, async (t) => {
    const yes = async () => undefined
    const open = { requireJoined: yes, requireMemberAt: yes, requireAllowed: yes }
    const { a, b, roomId, eventId } = await setUp(t, { parts: { gate: open } })
    const answer = await ask(a, b, operation, roomId, eventId)
    assert.ok(JSON.stringify(answer).length > 30, JSON.stringify(answer))
  })

  test(`bad input 60: ${operation} is refused to a member that the access control list denies`, async (t) => {
    const { network, a, b, roomId, eventId } = await setUp(t)
    await a.invite(roomId, b.user())
    await b.join(roomId)
    await network.settled()
    await a.rooms.setState(roomId, a.user(), 'm.room.server_acl', '', { allow: ['*'], deny: ['b'] })
    await assert.rejects(ask(a, b, operation, roomId, eventId), forbidden)
  })
}

test('bad input 23: an unknown room is refused like a known one', async (t) => {
  const { a, b, roomId, eventId } = await setUp(t)
  for (const operation of Object.keys(READS)) {
    await assert.rejects(ask(a, b, operation, `!${'x'.repeat(43)}` as RoomId, eventId), forbidden, operation)
  }
  const unknown = `$${'x'.repeat(43)}` as EventId
  const messageOf = (id: EventId) => ask(a, b, 'event', roomId, id).catch((error: Error) => error.message)
  assert.equal(await messageOf(unknown), await messageOf(eventId), 'an event that is here tells a stranger no more')
})

test('bad input 24: an event asked for through another room is not there', async (t) => {
  const { network, a, b, eventId } = await setUp(t)
  const mine = await a.rooms.createRoom(a.user())
  await b.join(mine, [a])
  await network.settled()
  for (const operation of ['event_auth', 'state', 'state_ids', 'join_ids', 'state_digest']) {
    await assert.rejects(ask(a, b, operation, mine, eventId), { status: 404, errcode: 'M_NOT_FOUND' }, operation)
  }
  const backfill = await ask(a, b, 'backfill', mine, eventId)
  assert.deepEqual(backfill.pdus, [])
  const missing = await ask(a, b, 'get_missing_events', mine, eventId)
  assert.deepEqual(missing.events, [])
})

test('state events are given by id, messages are not: they have a history visibility', async (t) => {
  const { network, a, b, roomId, eventId } = await setUp(t)
  await a.invite(roomId, b.user())
  await b.join(roomId)
  await network.settled()
  const uri = `/_starling/federation/v1/state_events/${encodeURIComponent(roomId)}`
  const answer = await a.ask(b, 'POST', uri, { ids: packIds([eventId, createIdOfRoom(roomId)]) })
  assert.deepEqual(
    (answer.events as JsonObject[]).map(({ type }) => type),
    ['m.room.create'],
  )
  const elsewhere = await a.rooms.createRoom(a.user())
  const theirs = await a.ask(b, 'POST', uri, { ids: packIds([createIdOfRoom(elsewhere)]) })
  assert.deepEqual(theirs.events, [], 'bad input 24: nor events of other rooms')
})

test('a member is given a bounded number of states an hour', async (t) => {
  const { network, a, b, roomId, eventId } = await setUp(t)
  await a.invite(roomId, b.user())
  await b.join(roomId)
  await network.settled()
  const attempt = () => ask(a, b, 'state_digest', roomId, eventId)
  for (let asked = 0; asked < limits.manifestsPerHour; asked++) await attempt()
  await assert.rejects(attempt(), { status: 429, errcode: 'M_LIMIT_EXCEEDED' })
  network.clock.advance(3_600_000)
  await attempt()
})

test('strangers learn from no digest in which rooms this server is', async (t) => {
  const { network, a, b, roomId } = await setUp(t)
  const hashes = Object.fromEntries([...(await digestsOf(a, roomId))].map((hash) => [hash, 'anything']))
  const uri = '/_starling/federation/v1/extremities'
  assert.deepEqual(await a.ask(b, 'POST', uri, { rooms: hashes }), { differ: {}, refused: {} })
  await a.invite(roomId, b.user())
  await b.join(roomId)
  await network.settled()
  const after = await a.ask(b, 'POST', uri, { rooms: hashes, reply: true })
  assert.equal(Object.keys(after.differ as JsonObject).length, 1, 'twin: a member is told')
})

async function digestsOf(node: ExchangeNode, roomId: RoomId): Promise<Iterable<string>> {
  const { RoomDigests } = await import('../anti-entropy/room-digests.ts')
  const { testCrypto } = await import('@starling/testkit')
  const rooms = await new RoomDigests(node.engine, testCrypto.sha256).shared(node.name)
  return [...rooms].filter(([, id]) => id === roomId).map(([hash]) => hash)
}

const MALFORMED: readonly (readonly [method: 'GET' | 'POST' | 'PUT', uri: string, body?: JsonObject])[] = [
  ['GET', '/_matrix/federation/v1/backfill/{room}?v=nonsense&limit=1'],
  ['GET', '/_matrix/federation/v1/backfill/{room}?limit=1'],
  ['GET', '/_matrix/federation/v1/backfill/{room}?v={event}&limit=-1'],
  ['GET', '/_matrix/federation/v1/backfill/nonsense?v={event}&limit=1'],
  ['POST', '/_matrix/federation/v1/get_missing_events/{room}', { latest_events: 'x' }],
  ['POST', '/_matrix/federation/v1/get_missing_events/{room}', { latest_events: Array(65).fill(`$${'x'.repeat(43)}`) }],
  ['POST', '/_matrix/federation/v1/get_missing_events/{room}', { latest_events: [{}], earliest_events: [] }],
  ['POST', '/_matrix/federation/v1/get_missing_events/{room}'],
  ['GET', '/_starling/federation/v1/join_ids/{room}/{event}?from=-1'],
  ['POST', '/_starling/federation/v1/state_events/{room}', { ids: '' }],
  ['POST', '/_starling/federation/v1/state_events/{room}', { ids: 'short' }],
  ['POST', '/_starling/federation/v1/state_events/{room}', { ids: 'A'.repeat(43 * 300) }],
  ['POST', '/_starling/federation/v1/state_events/{room}', { ids: [] }],
  ['GET', '/_matrix/federation/v1/state/{room}'],
  ['GET', '/_matrix/federation/v1/timestamp_to_event/{room}?ts=x&dir=f'],
  ['GET', '/_matrix/federation/v1/timestamp_to_event/{room}?ts=1&dir=x'],
  ['POST', '/_starling/federation/v1/events_since/{room}', { have: [1] }],
  ['POST', '/_starling/federation/v1/events_since/{room}', { have: [], from: -1 }],
  ['POST', '/_starling/federation/v1/extremities', { rooms: [] }],
  ['PUT', '/_matrix/federation/v2/send_join/{room}/{event}', {}],
  ['PUT', '/_matrix/federation/v2/send_leave/{room}/{event}', { content: 'x' }],
  ['PUT', '/_matrix/federation/v1/send_knock/{room}/{event}', { __proto__: null }],
  ['PUT', '/_matrix/federation/v2/invite/{room}/{event}', { room_version: '12' }],
  ['PUT', '/_matrix/federation/v2/invite/{room}/{event}', { room_version: 12, event: {} }],
]

test('malformed requests are answered 400', async (t) => {
  const { network, a, b, roomId, eventId } = await setUp(t)
  await a.invite(roomId, b.user())
  await b.join(roomId)
  await network.settled()
  for (const [method, uri, body] of MALFORMED) {
    const filled = uri.replace('{room}', encodeURIComponent(roomId)).replace('{event}', encodeURIComponent(eventId))
    await assert.rejects(a.ask(b, method, filled, body), { status: 400 }, `${method} ${uri}`)
  }
})

test('handshakes are only for own users, and for rooms that this server is in', async (t) => {
  const { a, b, roomId } = await setUp(t)
  const room = encodeURIComponent(roomId)
  for (const operation of ['make_join', 'make_knock', 'make_leave']) {
    const foreign = `/_matrix/federation/v1/${operation}/${room}/${encodeURIComponent('@u:c')}?ver=12`
    await assert.rejects(a.ask(b, 'GET', foreign), forbidden, operation)
    const own = `/_matrix/federation/v1/${operation}/${encodeURIComponent(`!${'x'.repeat(43)}`)}/${encodeURIComponent('@u:b')}?ver=12`
    await assert.rejects(a.ask(b, 'GET', own), { status: 404 }, operation)
  }
})

test('history from before a server was there is redacted where only members of the time may see it', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const open = { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } }
  const visibility = (value: string) => ({
    type: 'm.room.history_visibility',
    stateKey: '',
    content: { history_visibility: value },
  })
  for (const [value, seen] of [
    ['joined', false],
    ['invited', false],
    ['shared', true],
    ['nonsense', true],
  ] as const) {
    const roomId = await a.rooms.createRoom(a.user(), '12', [open, visibility(value)])
    const before = await a.rooms.message(roomId, a.user(), 'before')
    await b.join(roomId, [a])
    await network.settled()
    const after = await a.rooms.message(roomId, a.user(), 'after')
    const { pdus } = (await ask(a, b, 'backfill', roomId, after)) as unknown as { pdus: JsonObject[] }
    const bodies = pdus
      .filter(({ type }) => type === 'm.room.message')
      .map(({ content }) => (content as JsonObject).body)
    assert.deepEqual(bodies, seen ? ['after', 'before'] : ['after', undefined], value)
    const { pdus: single } = (await ask(a, b, 'event', roomId, before)) as unknown as { pdus: JsonObject[] }
    assert.equal((single[0]?.content as JsonObject | undefined)?.body, seen ? 'before' : undefined, value)
  }
})
