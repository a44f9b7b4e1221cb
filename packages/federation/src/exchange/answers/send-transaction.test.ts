import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject } from '@starling/protocol'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'

async function sharedRoom(t: TestContext) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  network.gossip = false
  const send = (txnId: string, content: JsonObject) => a.ask(b, 'PUT', `/_matrix/federation/v1/send/${txnId}`, content)
  return { network, a, b, roomId, send }
}

test('PDUs of a transaction are taken in, EDUs handed on with their proven origin', async (t) => {
  const { a, b, roomId, send } = await sharedRoom(t)
  const eventId = await b.rooms.message(roomId, b.user(), 'hello')
  const edu = { edu_type: 'm.typing', content: {} }
  const answer = await send('1', {
    origin: 'b',
    origin_server_ts: 1,
    pdus: [(await b.rooms.pdu(eventId)).json],
    edus: [edu],
  })
  assert.deepEqual(answer, { pdus: { [eventId]: {} } })
  assert.deepEqual((await a.rooms.bodies(roomId)).at(-1), 'hello')
  assert.deepEqual(a.edus, [['b', [edu]]])
})

test('the same transaction again does nothing and gets the same answer', async (t) => {
  const { a, send } = await sharedRoom(t)
  const content = { edus: [{ edu_type: 'm.typing', content: {} }] }
  const answers = await Promise.all([send('1', content), send('1', content), send('2', content)])
  assert.deepEqual(answers, [{ pdus: {} }, { pdus: {} }, { pdus: {} }])
  assert.equal(a.edus.length, 2)
})

test('bad input 44: 51 PDUs or 101 EDUs are answered 400 and none is taken', async (t) => {
  const { a, b, roomId, send } = await sharedRoom(t)
  const pdus: JsonObject[] = []
  for (let index = 0; index < 51; index++) {
    pdus.push((await b.rooms.pdu(await b.rooms.message(roomId, b.user(), `m${index}`))).json)
  }
  await assert.rejects(send('1', { pdus }), { status: 400 })
  await assert.rejects(send('2', { edus: Array(101).fill({ edu_type: 'x', content: {} }) }), { status: 400 })
  assert.deepEqual(await a.rooms.bodies(roomId), [])
  assert.deepEqual(a.edus, [])
  // The twin: 50 and 100 are fine, and it was the number that was refused.
  await send('3', { pdus: pdus.slice(0, 50), edus: Array(100).fill({ edu_type: 'x', content: {} }) })
  assert.equal((await a.rooms.bodies(roomId)).length, 50)
})

test('what is wrong with a PDU is told under its id and hurts no other', async (t) => {
  const { a, b, roomId, send } = await sharedRoom(t)
  const good = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'good'))
  const next = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'signature missing'))
  const elsewhere = await b.rooms.createRoom(b.user())
  const foreign = await b.rooms.pdu(await b.rooms.message(elsewhere, b.user(), 'not your room'))
  const pdus = [
    { ...next.json, signatures: {} },
    good.json,
    foreign.json,
    { room_id: 5 },
    'text' as never,
    { ...good.json, depth: 1.5 },
  ]
  const { pdus: results } = (await send('1', { pdus })) as { pdus: Record<EventId, JsonObject> }
  assert.deepEqual(results[good.eventId], {})
  assert.ok(results[next.eventId]?.error)
  assert.deepEqual(await a.rooms.bodies(roomId), ['good'])
})

test('an origin that is not the asking server is refused', async (t) => {
  const { send } = await sharedRoom(t)
  await assert.rejects(send('1', { origin: 'c', pdus: [] }), { status: 400 })
  await assert.rejects(send('2', { pdus: {} }), { status: 400 })
})

test('bad input 50: a member event whose room is not that of the path is refused', async (t) => {
  const { network, a, roomId } = await sharedRoom(t)
  const other = await a.rooms.createRoom(a.user())
  const c = await network.add('c')
  const draft = {
    roomId: other,
    sender: c.user(),
    type: 'm.room.member',
    stateKey: c.user(),
    content: { membership: 'join' },
  }
  const join = c.engine.finish(await a.engine.template(draft), '12').pdu
  const uri = (room: string) =>
    `/_matrix/federation/v2/send_join/${encodeURIComponent(room)}/${encodeURIComponent(join.eventId)}`
  await assert.rejects(a.ask(c, 'PUT', uri(roomId), join.json), { status: 400, errcode: 'M_INVALID_PARAM' })
  assert.equal(await a.membership(roomId, c.user()), undefined)
  await a.ask(c, 'PUT', uri(other), join.json)
  assert.equal(await a.membership(other, c.user()), 'join', 'twin: through its own room it is let in')
})

test('bad input 60: an event of a denied server is dropped whoever carries it', async (t) => {
  const { network, a, b, roomId } = await sharedRoom(t)
  const c = await network.add('c')
  await c.join(roomId, [a])
  network.gossip = true
  await a.rooms.setState(roomId, a.user(), 'm.room.server_acl', '', { allow: ['*'], deny: ['b'] })
  await network.settled()
  network.gossip = false
  const { json } = await b.rooms.pdu(await b.rooms.message(roomId, b.user(), 'denied'))
  assert.equal((await a.hear(json, roomId, c.name)).kind, 'refused')
  const allowed = await c.rooms.pdu(await c.rooms.message(roomId, c.user(), 'allowed'))
  assert.equal((await a.hear(allowed.json, roomId, b.name)).kind, 'refused', 'a denied carrier')
  assert.equal((await a.hear(allowed.json, roomId, c.name)).kind, 'accepted', 'twin')
})
