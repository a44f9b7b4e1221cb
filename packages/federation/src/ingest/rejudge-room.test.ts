import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type RoomId, type StateMap, stateSlot } from '@starling/protocol'
import { RoomServer } from '../../test/room-server.ts'
import { type TwoServers, twoServers } from '../../test/two-servers.ts'
import type { CheckedPdu } from '../contracts.ts'

const VERSION = '12'

/** `c` joins as a resident would let it that says so of the state before the join; `prepare` is what happens in the room before. */
async function misled(
  lie: (state: Map<string, EventId>, room: TwoServers) => void,
  prepare: (room: TwoServers) => Promise<unknown> = async () => undefined,
) {
  const servers = await twoServers(VERSION)
  const { a, roomId, keys } = servers
  const c = await RoomServer.open('gamma.test', { keys })
  const carol = c.user('carol')
  await prepare(servers)
  const draft = { roomId, sender: carol, type: 'm.room.member', stateKey: carol, content: { membership: 'join' } }
  const event = c.engine.finish(await a.engine.template(draft), VERSION)
  assert.equal((await a.receive(event.pdu.json, VERSION)).kind, 'accepted')
  await servers.b.receive(event.pdu.json, VERSION)
  const truth = (await a.engine.stateBefore(roomId, event.pdu.eventId)) as StateMap
  const state = new Map<string, EventId>(truth)
  lie(state, servers)
  const check = async (ids: Iterable<EventId>): Promise<CheckedPdu[]> =>
    Promise.all([...ids].map(async (id) => c.check((await a.pdu(id)).json, VERSION)))
  const chain = await a.engine.authChain([...truth.values(), event.pdu.eventId])
  const authChain = await check(new Set([...chain, ...truth.values()]))
  const answer = { roomId, roomVersion: VERSION, state: await check(state.values()), authChain, event }
  assert.equal((await c.engine.importRoom(answer)).kind, 'accepted')
  return { ...servers, c, carol }
}

/** Everything before what the server has, from one that has all. */
async function fetchAllHistory(to: RoomServer, from: RoomServer, roomId: RoomId): Promise<void> {
  for (let open = await to.engine.backwardExtremities(roomId); open.length > 0; ) {
    const events: CheckedPdu[] = []
    for (const pdu of (await from.engine.dagEvents(open)).values()) events.push(await to.check(pdu.json, VERSION))
    await to.engine.receiveHistory(events)
    open = await to.engine.backwardExtremities(roomId)
  }
}

async function assertAlike(one: RoomServer, other: RoomServer, roomId: RoomId, ids: Iterable<EventId>): Promise<void> {
  assert.deepEqual(await one.stateOf(roomId), await other.stateOf(roomId))
  const ends = async ({ engine }: RoomServer) => [...(await engine.forwardExtremities(roomId))].sort()
  assert.deepEqual(await ends(one), await ends(other))
  for (const id of ids) {
    const [here, there] = await Promise.all([one, other].map(({ engine }) => engine.stateBefore(roomId, id)))
    assert.deepEqual(new Map(here), new Map(there), `state before ${id}`)
    const [seen, seenThere] = await Promise.all(
      [one, other].map(async ({ engine }) => (await engine.events([id])).size),
    )
    assert.equal(seen, seenThere, `${id} is rejected on one of them`)
  }
}

test('who joined by a state without a ban lets the banned write, until the history is there', async () => {
  const { a, b, c, bob, roomId } = await misled(
    (state, room) => state.set(stateSlot('m.room.member', room.bob), room.joinId),
    async (room) => room.a.give(await room.a.setMembership(room.roomId, room.alice, room.bob, 'ban'), room.b),
  )
  const [state, prevEvents] = [await c.engine.currentState(roomId), await c.engine.forwardExtremities(roomId)]
  const content = { body: 'from a banned user' }
  const json = await b.craft(roomId, { sender: bob, type: 'm.room.message', content, state, prevEvents })
  const { pdu } = await a.check(json, VERSION)
  assert.equal((await a.receive(json, VERSION)).kind, 'rejected')
  assert.equal((await c.receive(json, VERSION)).kind, 'accepted', 'the lie works at first')
  assert.deepEqual(await c.bodies(roomId), ['from a banned user'])
  assert.deepEqual(await c.engine.reportedRooms(), [roomId])
  assert.equal(await c.engine.rejudge(roomId), 'reported', 'without the history nothing is known better')
  assert.deepEqual(await c.bodies(roomId), ['from a banned user'])

  await fetchAllHistory(c, a, roomId)
  assert.equal(await c.engine.rejudge(roomId), 'exact')
  assert.deepEqual(await c.bodies(roomId), [])
  assert.equal((await c.reader.membership(roomId, bob))?.membership, 'ban')
  assert.deepEqual(await c.engine.reportedRooms(), [])
  assert.equal(await c.engine.certainty(roomId), 'exact')
  await assertAlike(c, a, roomId, [...(await c.engine.currentState(roomId)).values(), pdu.eventId])
})

test('who joined by a state without a member rejects what that member says, until the history is there', async () => {
  const { a, b, c, bob, roomId } = await misled((state, room) => state.delete(stateSlot('m.room.member', room.bob)))
  const said = await b.message(roomId, bob, 'true')
  const topic = await b.setState(roomId, bob, 'm.room.name', '', { name: 'a name of his' })
  for (const id of [said, topic]) await b.give(id, a)
  assert.deepEqual(
    (await b.give(said, c)).map(({ kind }) => kind),
    ['rejected'],
  )
  assert.deepEqual(
    (await b.give(topic, c)).map(({ kind }) => kind),
    ['rejected'],
  )
  await fetchAllHistory(c, a, roomId)
  assert.equal(await c.engine.rejudge(roomId), 'exact')
  assert.deepEqual(await c.bodies(roomId), ['true'])
  assert.equal((await c.engine.currentState(roomId)).get(stateSlot('m.room.name', '')), topic)
  await assertAlike(c, a, roomId, [said, topic])
  const next = await c.message(roomId, c.user('carol'), 'and on')
  assert.deepEqual(
    (await c.give(next, a, b)).map(({ kind }) => kind),
    ['accepted', 'accepted'],
  )
})

test('a gap bridged by a lie: what stood on it is judged anew when the parents have come', async () => {
  const { a, b, alice, bob, roomId } = await twoServers(VERSION)
  const banned = await a.setMembership(roomId, alice, bob, 'ban')
  const last = await a.message(roomId, alice, 'last')
  const { json } = await a.pdu(last)
  const state = await Promise.all(
    [...(await b.engine.currentState(roomId)).values()].map(async (id) => b.check((await b.pdu(id)).json, VERSION)),
  )
  assert.equal((await b.engine.receiveWithState(await b.check(json, VERSION), state, [])).kind, 'accepted')
  assert.equal((await b.reader.membership(roomId, bob))?.membership, 'join', 'the ban was left out')
  await fetchAllHistory(b, a, roomId)
  assert.equal(await b.engine.rejudge(roomId), 'exact')
  assert.equal((await b.reader.membership(roomId, bob))?.membership, 'ban')
  await assertAlike(b, a, roomId, [banned, last])
})

test('a room in which nothing is reported is not judged again', async () => {
  const { a, roomId } = await twoServers(VERSION)
  const before = a.rooms.positions.current()
  assert.equal(await a.engine.rejudge(roomId), 'exact')
  assert.equal(a.rooms.positions.current(), before)
})
