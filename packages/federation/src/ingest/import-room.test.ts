import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject } from '@starling/protocol'
import { RoomServer } from '../../test/room-server.ts'
import { twoServers } from '../../test/two-servers.ts'
import type { CheckedPdu, RoomImport } from '../contracts.ts'
import { tables } from '../store/tables.ts'

/** What a resident server would answer to carol's `send_join`, to be tampered with before it is taken in. */
async function joinAnswer() {
  const servers = await twoServers('11')
  const { a, roomId, version, keys } = servers
  const c = await RoomServer.open('gamma.test', { keys })
  const carol = c.user('carol')
  const draft = { roomId, sender: carol, type: 'm.room.member', stateKey: carol, content: { membership: 'join' } }
  const event = c.engine.finish(await a.engine.template(draft), version)
  await a.receive(event.pdu.json, version)
  const before = await a.engine.stateBefore(roomId, event.pdu.eventId)
  const stateIds = [...(before?.values() ?? [])]
  const check = async (ids: Iterable<EventId>): Promise<CheckedPdu[]> =>
    Promise.all([...ids].map(async (id) => c.check((await a.pdu(id)).json, version)))
  const answer: RoomImport = {
    roomId,
    roomVersion: version,
    state: await check(stateIds),
    authChain: await check(await a.engine.authChain([...stateIds, event.pdu.eventId])),
    event,
  }
  return { ...servers, c, carol, answer }
}

const without = (events: readonly CheckedPdu[], type: string) => events.filter(({ pdu }) => pdu.type !== type)

test('bad input 51: forged events in a join answer do not get into the state', async () => {
  const { a, b, c, bob, roomId, version, answer } = await joinAnswer()
  const forged = await c.check(
    await b.craft(roomId, {
      sender: bob,
      type: 'm.room.power_levels',
      stateKey: '',
      content: { users: { [bob]: 100 } },
    }),
    version,
  )
  const state = [forged, ...without(answer.state, 'm.room.power_levels')]
  assert.equal((await c.engine.importRoom({ ...answer, state })).kind, 'accepted')
  assert.equal(await c.reader.stateEvent(roomId, 'm.room.power_levels', ''), undefined)
  assert.equal((await c.engine.events([forged.pdu.eventId])).size, 0)
  assert.equal((await a.reader.memberCounts(roomId)).joined, 3)
})

test('a join answer without create event, for another room, or that does not let the join in, is refused whole', async () => {
  const { a, c, alice, carol, roomId, answer } = await joinAnswer()
  const otherRoom = await a.createRoom(alice, '11')
  const refusals: RoomImport[] = [
    { ...answer, state: without(answer.state, 'm.room.create'), authChain: [] },
    { ...answer, roomId: otherRoom },
    { ...answer, roomVersion: '12' },
    { ...answer, state: without(answer.state, 'm.room.join_rules') },
  ]
  for (const tampered of refusals) {
    assert.equal((await c.engine.importRoom(tampered)).kind, 'refused')
    assert.deepEqual(await c.engine.joinedRooms(), [])
    assert.deepEqual(await c.reader.roomsOf(carol), [])
    assert.equal(await c.engine.roomVersion(roomId), undefined)
  }
  // The twin: untampered it is taken.
  assert.equal((await c.engine.importRoom(answer)).kind, 'accepted')
  assert.deepEqual(await c.stateOf(roomId), await a.stateOf(roomId))
})

test('events of another room among the state are left out', async () => {
  const { a, c, alice, roomId, version, answer } = await joinAnswer()
  const otherRoom = await a.createRoom(alice, '11', [])
  const name = await a.setState(otherRoom, alice, 'm.room.name', '', { name: 'of another room' })
  const foreign = await c.check((await a.pdu(name)).json as JsonObject, version)
  assert.equal((await c.engine.importRoom({ ...answer, state: [...answer.state, foreign] })).kind, 'accepted')
  assert.equal(await c.reader.stateEvent(roomId, 'm.room.name', ''), undefined)
})

test('bad input 27: a restricted join that its authorising server has not signed is dropped, one that it has is taken', async () => {
  const { a, b, c, alice, roomId, version } = await joinAnswer()
  const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!other:alpha.test' }] }
  await a.setState(roomId, alice, 'm.room.join_rules', '', rules)
  const dave = c.user('dave')
  const content = { membership: 'join', join_authorised_via_users_server: alice }
  const draft = { roomId, sender: dave, type: 'm.room.member', stateKey: dave, content }
  const join = c.engine.finish(await a.engine.template(draft), version).pdu.json
  const unsigned = await a.engine.check(join, version)
  assert.ok(!unsigned.ok)
  assert.equal(unsigned.code, 'missing_signature')
  const countersigned = a.engine.finish(join, version)
  assert.equal((await a.receive(countersigned.pdu.json, version)).kind, 'accepted')
  assert.equal((await a.reader.membership(roomId, dave))?.membership, 'join')
  assert.equal(b.engine.isServerJoined(roomId, c.keys.serverName), false)
})

test('a state with more members than wait for the last batch is entered with all of them, and leaves none where the join comes to nothing', async () => {
  const { a, alice, roomId, version, keys } = await twoServers('11')
  const guests = Array.from({ length: 1_520 }, (_, n) => `@guest-${n}:delta.test`)
  for (let start = 0; start < guests.length; start += 100) {
    await Promise.all(
      guests
        .slice(start, start + 100)
        .map((guest) => a.setState(roomId, alice, 'm.room.member', guest, { membership: 'invite' })),
    )
  }
  const c = await RoomServer.open('gamma.test', { keys })
  const carol = c.user('carol')
  const draft = { roomId, sender: carol, type: 'm.room.member', stateKey: carol, content: { membership: 'join' } }
  const event = c.engine.finish(await a.engine.template(draft), version)
  await a.receive(event.pdu.json, version)
  const state = [...((await a.engine.stateBefore(roomId, event.pdu.eventId))?.values() ?? [])]
  const ids = new Set([...(await a.engine.authChain([...state, event.pdu.eventId])), ...state])
  const events = await Promise.all([...ids].map(async (id) => c.check((await a.pdu(id)).json, version)))
  const createId = events.find(({ pdu }) => pdu.type === 'm.room.create')?.pdu.eventId as EventId
  const rules = events.find(({ pdu }) => pdu.type === 'm.room.join_rules')?.pdu.eventId
  const room = { roomId, roomVersion: version, createId, event }
  const members = () => Array.fromAsync(tables.roomMember.scan(c.store, []))

  await c.engine.stageEvents(room, events)
  const lacking = await c.engine.importStaged({ ...room, state: state.filter((id) => id !== rules) })
  assert.equal(lacking.kind, 'refused')
  assert.ok((await members()).length > 1_000, 'written before the join was judged')
  await c.engine.abandonStaged(roomId)
  assert.equal((await members()).length, 0)

  await c.engine.stageEvents(room, events)
  assert.equal((await c.engine.importStaged({ ...room, state })).kind, 'accepted')
  assert.deepEqual(await c.stateOf(roomId), await a.stateOf(roomId))
  assert.deepEqual(await c.reader.memberCounts(roomId), await a.reader.memberCounts(roomId))
  assert.equal((await members()).length, guests.length + 3)
})
