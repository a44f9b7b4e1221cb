import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type JsonObject, type Pdu, type ServerName, stateSlot, type UserId } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode, type NodeOptions } from '../../../test/exchange-network.ts'
import { HourlyQuota } from '../hourly-quota.ts'
import { limits } from '../limits.ts'

async function setUp(t: TestContext, version = '12', parts: NodeOptions['parts'] = {}) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b', { parts })
  const roomId = await a.rooms.createRoom(a.user(), version)
  const draft = {
    roomId,
    sender: a.user(),
    type: 'm.room.member',
    stateKey: b.user(),
    content: { membership: 'invite' },
  }
  const invite = a.engine.finish(await a.engine.template(draft), version).pdu
  const createId = (await a.engine.currentState(roomId)).get(stateSlot('m.room.create', ''))
  const stored = await a.engine.events(createId ? [createId] : [])
  const create = [...stored.values()].map(({ pdu }) => pdu.json)
  return { a, b, roomId, invite, create, version }
}

function put(b: ExchangeNode, from: ExchangeNode, invite: Pdu, body: JsonObject): Promise<JsonObject> {
  const uri = `/_matrix/federation/v2/invite/${encodeURIComponent(invite.roomId)}/${encodeURIComponent(invite.eventId)}`
  return b.ask(from, 'PUT', uri, body)
}

const stripped = async (b: ExchangeNode, invite: Pdu) =>
  (await b.rooms.reader.membership(invite.roomId, invite.stateKey as UserId))?.strippedState ?? []

test('an invite is signed, kept, and shown with the state that came with it', async (t) => {
  const { a, b, invite, create } = await setUp(t)
  const { event } = await put(b, a, invite, { room_version: '12', event: invite.json, invite_room_state: create })
  assert.deepEqual(Object.keys((event as JsonObject).signatures as JsonObject).sort(), ['a', 'b'])
  assert.ok((await stripped(b, invite)).some(({ type }) => type === 'm.room.create'))
})

for (const version of ['11', '12']) {
  test(`bad input 42: giant, malformed and forged invite_room_state is stripped (room version ${version})`, async (t) => {
    const { a, b, invite, create } = await setUp(t, version)
    const giant = { ...invite.json, content: { body: 'x'.repeat(60_000) } }
    const forged = { ...create[0], type: 'm.room.name', state_key: '', content: { name: 'forged' } }
    const rubbish = [
      null,
      1,
      'text',
      [],
      {},
      { type: 5 },
      { type: 'm.room.name', state_key: 1, sender: 'x', content: [] },
    ]
    const many = Array(1_000).fill(giant)
    await put(b, a, invite, {
      room_version: version,
      event: invite.json,
      invite_room_state: [...create, ...rubbish, forged, ...many] as never,
    })
    const kept = await stripped(b, invite)
    assert.ok(JSON.stringify(kept).length < 70_000)
    assert.ok(kept.some(({ type }) => type === 'm.room.create'))
    assert.equal(
      kept.some(({ type }) => type === 'm.room.name'),
      false,
    )
    assert.equal(await b.membership(invite.roomId, b.user()), 'invite')
  })
}

test('a version 12 invite without the create event of its room is refused', async (t) => {
  const { a, b, invite } = await setUp(t)
  const other = await a.rooms.createRoom(a.user())
  const stored = await a.engine.events([...(await a.engine.currentState(other)).values()])
  const invite_room_state = [...stored.values()].map(({ pdu }) => pdu.json)
  await assert.rejects(put(b, a, invite, { room_version: '12', event: invite.json, invite_room_state }), {
    errcode: 'M_MISSING_PARAM',
  })
  assert.equal(await b.membership(invite.roomId, b.user()), undefined)
})

test('servers older than the rule may send stripped events without signatures in older room versions', async (t) => {
  const { a, b, invite } = await setUp(t, '11')
  const name = { type: 'm.room.name', state_key: '', sender: a.user(), content: { name: 'n' }, extra: 'dropped' }
  await put(b, a, invite, { room_version: '11', event: invite.json, invite_room_state: [name] })
  const { extra, ...fourFields } = name
  assert.equal(extra, 'dropped')
  assert.deepEqual(
    (await stripped(b, invite)).filter(({ type }) => type === 'm.room.name'),
    [fourFields],
  )
})

test('only true invites of own users are signed', async (t) => {
  const { a, b, roomId, invite, create, version } = await setUp(t)
  const finish = async (change: JsonObject) => {
    const { signatures, hashes, ...unsigned } = invite.json
    assert.ok(signatures && hashes)
    return a.engine.finish({ ...unsigned, ...change }, version).pdu
  }
  const refuse = async (event: Pdu, status: number, json: JsonObject = event.json, from = a) => {
    const body = { room_version: version, event: json, invite_room_state: create }
    await assert.rejects(put(b, from, event, body), { status }, JSON.stringify(json.content))
  }
  await refuse(await finish({ content: { membership: 'join' } }), 400)
  await refuse(await finish({ type: 'm.room.power_levels' }), 400)
  await refuse(await finish({ state_key: '@u:c' }), 400)
  await refuse(await finish({ state_key: '@nobody:b' }), 404)
  await refuse(invite, 400, { ...invite.json, signatures: {} })
  await refuse(invite, 400, { ...invite.json, content: { membership: 'invite', changed: true } })
  await refuse(invite, 400, (await finish({ depth: 99 })).json)
  await assert.rejects(put(b, a, invite, { room_version: '99', event: invite.json }), {
    errcode: 'M_INCOMPATIBLE_ROOM_VERSION',
  })
  assert.equal(await b.membership(roomId, b.user()), undefined)
})

test('bad input 36: an invite in the name of a user of a third server is refused', async (t) => {
  const { b, invite, create } = await setUp(t)
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const body = { room_version: '12', event: invite.json, invite_room_state: create }
  const thief = b.answers.find(({ path }) => path.includes('/v2/invite/'))
  const params = { roomId: invite.roomId, eventId: invite.eventId }
  const asked = thief?.answer({ origin: 'c' as never, params, query: new URLSearchParams(), content: body })
  await assert.rejects(asked as Promise<JsonObject>, { status: 400 })
})

test('a server may bring a bounded number of invites an hour', () => {
  let now = 0
  const quota = new HourlyQuota({ now: () => now }, limits.invitesPerHour)
  for (let index = 0; index < limits.invitesPerHour; index++) assert.equal(quota.take('a'), 0)
  const wait = quota.take('a')
  assert.ok(wait > 0)
  assert.equal(quota.take('b'), 0, 'another server is not held up')
  now += wait
  assert.equal(quota.take('a'), 0)
  assert.ok(quota.take('a') > 0)
})

test('strangers under many names bring a bounded number of invites; who shares a room is not held up by them', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const b = await network.add('b')
  const friend = await network.add('friend')
  const shared = await b.rooms.createRoom(b.user())
  await friend.join(shared, [b])
  await network.settled()
  const row = b.answers.find(({ path }) => path.includes('/v2/invite/')) ?? assert.fail()
  const params = { roomId: shared, eventId: `$${'e'.repeat(43)}` }
  const statusOf = (origin: string) =>
    row.answer({ origin: origin as ServerName, params, query: new URLSearchParams(), content: {} }).then(
      () => 200,
      (error: { status: number }) => error.status,
    )
  for (let n = 0; n < limits.strangersInvitesPerHour; n++) assert.equal(await statusOf(`stranger${n}`), 400)
  assert.equal(await statusOf('one-more'), 429)
  assert.equal(await statusOf(friend.name), 400, 'malformed, but not too many')
})

test('a user with hundreds of open invites is brought no more until some are answered', async (t) => {
  const open = Array(limits.openInvites).fill({ membership: 'invite' })
  const views = { membership: async () => undefined, roomsOf: async () => open }
  const { a, b, invite, create } = await setUp(t, '12', { views })
  const body = { room_version: '12', event: invite.json, invite_room_state: create }
  await assert.rejects(put(b, a, invite, body), { status: 429 })
  open.pop()
  assert.ok((await put(b, a, invite, body)).event)
})
