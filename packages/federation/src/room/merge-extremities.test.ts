import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, MAX_PREV_EVENTS, stateSlot } from '@starling/protocol'
import { RoomServer } from '../../test/room-server.ts'
import { MANY_EXTREMITIES } from './merge-extremities.ts'

/** A room with that many forward extremities, each with a state of its own, given in the order of `turn`. */
async function forked(count: number, turn = (ids: number[]) => ids) {
  const server = await RoomServer.open('one.test')
  const alice = server.user('alice')
  const roomId = await server.createRoom(alice)
  const prevEvents = await server.engine.forwardExtremities(roomId)
  const state = await server.engine.currentState(roomId)
  const events = []
  for (let n = 0; n < count; n++) {
    const draft = {
      sender: alice,
      type: 'thing',
      stateKey: `${n % 30}`,
      content: { n },
      prevEvents,
      state,
      ts: 1_000 + n,
    }
    events.push(await server.craft(roomId, draft))
  }
  for (const n of turn(events.map((_, index) => index))) {
    const verdict = await server.receive(events[n] ?? assert.fail(), '12')
    assert.equal(verdict.kind, 'accepted')
  }
  return { server, alice, roomId, events }
}

test('bad input 54: many forward extremities are joined by events that no client sees', async () => {
  const { server, roomId } = await forked(60)
  const before = await server.stateOf(roomId)
  const seen = (await server.reader.timeline(roomId, { direction: 'f', limit: 1_000 })).events.length
  const counts: number[] = []
  let merged: EventId | undefined
  do {
    counts.push((await server.engine.forwardExtremities(roomId)).length)
    merged = await server.engine.mergeExtremities(roomId)
    if (merged) assert.ok((await server.pdu(merged)).prevEvents.length <= MAX_PREV_EVENTS)
  } while (merged)
  assert.deepEqual(counts, [60, 41, 22, 3])
  assert.ok((counts.at(-1) ?? 0) <= MANY_EXTREMITIES)
  const { events } = await server.reader.timeline(roomId, { direction: 'f', limit: 1_000 })
  assert.equal(events.length, seen)
  assert.deepEqual(Object.keys(await server.stateOf(roomId)), Object.keys(before))
})

test('who may not write joins nothing, and a room with few extremities is left alone', async () => {
  const { server, alice, roomId } = await forked(MANY_EXTREMITIES)
  assert.equal(await server.engine.mergeExtremities(roomId), undefined)
  const other = await forked(MANY_EXTREMITIES + 1)
  const quiet = await RoomServer.open('two.test', { keys: new Map() })
  await assert.doesNotReject(quiet.engine.mergeExtremities(roomId))
  assert.ok(await other.server.engine.mergeExtremities(other.roomId))
  assert.ok(alice)
})

test('with more extremities than are resolved at once the state depends on their set and not on their order', async () => {
  const [one, two] = await Promise.all([forked(120), forked(120, (ids) => ids.reverse())])
  const [a, b] = await Promise.all([one, two].map(({ server, roomId }) => server.stateOf(roomId)))
  assert.equal(one.roomId, two.roomId)
  assert.equal((await one.server.engine.forwardExtremities(one.roomId)).length, 120)
  assert.deepEqual(a, b)
})

test('what was before an event is told for some slots, and for the users of one server', async () => {
  const { server, alice, roomId, events } = await forked(3)
  const bob = server.user('bob')
  const joined = await server.setMembership(roomId, bob, bob, 'join')
  const after = await server.message(roomId, alice, 'after')
  const member = stateSlot('m.room.member', bob)
  assert.deepEqual(
    [...((await server.engine.stateBeforeSlots(roomId, after, [member, stateSlot('none', '')])) ?? [])],
    [[member, joined]],
  )
  assert.equal(await server.engine.stateBeforeSlots(roomId, '$unknown' as EventId, [member]), undefined)
  const { eventId } = (await server.check(events[0] ?? assert.fail(), '12')).pdu
  const at = (id: EventId, name: string, kinds: readonly string[]) =>
    server.engine.isServerMemberAt(roomId, id, name as typeof server.keys.serverName, new Set(kinds))
  assert.equal(await at(eventId, 'one.test', ['join']), true)
  assert.equal(await at(eventId, 'one.test', ['invite']), false)
  assert.equal(await at(eventId, 'other.test', ['join']), false)
  assert.equal(await at('$unknown' as EventId, 'one.test', ['join']), false)
})
