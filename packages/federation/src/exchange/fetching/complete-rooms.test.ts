import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { EventId, JsonObject, RoomId } from '@starling/protocol'
import { stateSlot } from '@starling/protocol'
import { ExchangeNetwork, type ExchangeNode, type WireRequest } from '../../../test/exchange-network.ts'

/** `a` leaves a ban out of what it says of the state; `hides`: it gives no history either. */
async function lyingResident(t: TestContext, hides: () => boolean) {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  let banId: EventId | undefined
  const tamper = async ({ uri }: WireRequest, honest: () => Promise<JsonObject>): Promise<JsonObject> => {
    if (hides() && /backfill|missing|since/.test(uri)) return { pdus: [], events: [] }
    const answer = await honest()
    if (!uri.includes('/send_join/') || !banId) return answer
    const state = (answer.state as JsonObject[]).filter(({ content }) => (content as JsonObject).membership !== 'ban')
    return { ...answer, state }
  }
  const a = await network.add('a', { tamper })
  const b = await network.add('b')
  const roomId = await a.rooms.createRoom(a.user())
  const banned = '@gone:elsewhere' as ReturnType<ExchangeNode['user']>
  banId = await a.rooms.setMembership(roomId, a.user(), banned, 'ban')
  await b.join(roomId, [a])
  await network.settled()
  const slot = stateSlot('m.room.member', banned)
  return { network, a, b, roomId, banId, heldBan: async () => (await b.engine.currentState(roomId)).get(slot) }
}

test('bad input 51: a resident that alone is in reach and lies about the state is found out by the history', async (t) => {
  const { a, b, roomId, banId, heldBan } = await lyingResident(t, () => false)
  assert.equal(await heldBan(), banId)
  assert.equal(await b.engine.certainty(roomId), 'exact')
  assert.deepEqual(await b.rooms.stateOf(roomId), await a.rooms.stateOf(roomId))
})

test('twin: without the history the lie stands, until somebody gives it', async (t) => {
  let hides = true
  const { network, a, b, roomId, banId, heldBan } = await lyingResident(t, () => hides)
  assert.equal(await heldBan(), undefined)
  assert.equal(await b.engine.certainty(roomId), 'reported')
  hides = false
  network.clock.advance(3_600_000)
  await b.meet(a)
  assert.equal(await heldBan(), banId)
  assert.equal(await b.engine.certainty(roomId), 'exact')
})

test('attempts to complete a room for which nobody gives anything come ever more rarely', async (t) => {
  const { network, a, b } = await lyingResident(t, () => true)
  const asked = () => network.requests.filter(({ from, uri }) => from === b.name && uri.includes('/backfill/')).length
  const first = asked()
  for (let meeting = 0; meeting < 20; meeting++) await b.meet(a)
  assert.equal(asked(), first, 'not at once')
  for (let minute = 0; minute < 60; minute++) {
    network.clock.advance(60_000)
    await b.meet(a)
  }
  assert.ok(asked() - first > 2 && asked() - first < 12, `${asked() - first} times in an hour`)
})

test('an event that stands on a rejected one: both come, and are judged alike', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const [a, b, c] = [await network.add('a'), await network.add('b'), await network.add('c')]
  const roomId = await a.rooms.createRoom(a.user())
  await b.join(roomId, [a])
  await network.settled()
  const forbidden = await forge(b, roomId, 'm.room.topic', '', {})
  assert.equal((await a.hear(forbidden.json, roomId, b.name)).kind, 'rejected')
  const onIt = await forge(b, roomId, 'm.room.message', undefined, { prev_events: [forbidden.eventId] })
  assert.equal((await a.hear(onIt.json, roomId, b.name)).kind, 'accepted')
  network.isolate(b)
  await c.join(roomId, [a])
  await network.settled()
  const standing = await c.engine.dagEvents([forbidden.eventId, onIt.eventId])
  assert.equal(standing.size, 2)
  assert.deepEqual([...(await c.engine.events([...standing.keys()])).keys()], [onIt.eventId])
  assert.equal(await c.engine.certainty(roomId), 'exact')
})

/** An event of `author`, whatever the room says to it. */
async function forge(
  author: ExchangeNode,
  roomId: RoomId,
  type: string,
  stateKey: string | undefined,
  change: JsonObject,
) {
  const message = { roomId, sender: author.user(), type: 'm.room.message', content: { body: 'x', topic: 'x' } }
  const template = await author.engine.template(message)
  const state = stateKey === undefined ? {} : { state_key: stateKey }
  return author.engine.finish({ ...template, type, ...state, ...change }, '12').pdu
}

test('what a server knew before it entered again is at the end of its DAG again, once no history is to be had', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const withholds = async ({ uri }: WireRequest, honest: () => Promise<JsonObject>): Promise<JsonObject> =>
    /backfill|missing|since|\/event\//.test(uri) ? { pdus: [], events: [] } : honest()
  const b = await network.add('b')
  const c = await network.add('c', { tamper: withholds })
  const roomId = await c.rooms.createRoom(c.user())
  await b.join(roomId, [c])
  await network.settled()
  network.isolate(b)
  const leave = await b.rooms.setMembership(roomId, b.user(), b.user(), 'leave')
  // The resident has not heard of it, and lets the join stand on what it does not give.
  await c.rooms.message(roomId, c.user(), 'meanwhile')
  network.restore(b, c)
  await b.join(roomId, [c])
  const leaves = async () => [...(await b.engine.forwardExtremities(roomId)), ...(await b.engine.deadLeaves(roomId))]
  assert.ok(!(await leaves()).includes(leave), 'history might lead there')
  for (let minute = 0; minute < 30 && !(await leaves()).includes(leave); minute++) {
    network.clock.advance(60_000)
    await b.meet(c)
    await network.settled()
  }
  assert.ok((await leaves()).includes(leave))
})
