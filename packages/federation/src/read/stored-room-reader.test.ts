import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, stateSlot } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import { RoomServer } from '../../test/room-server.ts'
import { twoServers } from '../../test/two-servers.ts'
import { RoomError } from '../room/room-error.ts'
import { tables } from '../store/tables.ts'

async function roomWith(messages: number, store = new MemoryStore()) {
  const server = await RoomServer.open('alpha.test', { store })
  const alice = server.user('alice')
  const roomId = await server.createRoom(alice)
  const ids: EventId[] = []
  for (let n = 0; n < messages; n++) ids.push(await server.message(roomId, alice, String(n)))
  return { server, alice, roomId, ids, reader: server.reader }
}

test('the timeline is walked in pages, both ways, without a gap or a repetition', async () => {
  const { reader, roomId } = await roomWith(17)
  for (const direction of ['f', 'b'] as const) {
    const seen: EventId[] = []
    let from: number | undefined
    for (let pages = 0; pages < 20; pages++) {
      const { events, next } = await reader.timeline(roomId, {
        direction,
        limit: 4,
        ...(from === undefined ? {} : { from }),
      })
      seen.push(...events.map(({ pdu }) => pdu.eventId))
      from = next
      if (next === undefined) break
    }
    const all = await reader.timeline(roomId, { direction: 'f', limit: 100 })
    const expected = all.events.map(({ pdu }) => pdu.eventId)
    assert.equal(expected.length, 22)
    assert.deepEqual(direction === 'f' ? seen : seen.reverse(), expected)
  }
})

test('bounds: forwards from is left out and to is in; backwards the other way round', async () => {
  const { reader, roomId, ids } = await roomWith(5)
  const orders = (await reader.events(roomId, ids)).map(({ order }) => order ?? assert.fail())
  const [, from = 0, , to = 0] = orders
  const bodies = async (walk: Parameters<typeof reader.timeline>[1]) =>
    (await reader.timeline(roomId, walk)).events.map(({ pdu }) => pdu.content.body)
  assert.deepEqual(await bodies({ direction: 'f', from, to, limit: 10 }), ['2', '3'])
  assert.deepEqual(await bodies({ direction: 'b', from: to, to: from, limit: 10 }), ['3', '2'])
})

test('bad input 17: a huge limit is clamped', async () => {
  const { reader, roomId } = await roomWith(2)
  for (const limit of [1e9, Number.POSITIVE_INFINITY, -5, Number.NaN]) {
    const { events } = await reader.timeline(roomId, { direction: 'f', limit })
    assert.ok(events.length >= 1 && events.length <= 1_000)
  }
})

test('bad input 24: an event asked for through another room is not there', async () => {
  const { server, alice, reader, roomId, ids } = await roomWith(1)
  const other = await server.createRoom(alice)
  const [eventId = assert.fail()] = ids
  assert.equal(await reader.event(other, eventId), undefined)
  assert.deepEqual(await reader.events(other, ids), [])
  await assert.rejects(
    reader.stateAfter(other, eventId),
    (error) => error instanceof RoomError && error.code === 'unknown-event',
  )
  assert.equal(await server.engine.stateBefore(other, eventId), undefined)
  // The twin: through its own room it is.
  assert.equal((await reader.event(roomId, eventId))?.pdu.eventId, eventId)
})

test('state changes are logged by position, and a state event says what it replaced', async () => {
  const { server, alice, reader, roomId } = await roomWith(0)
  const begin = server.rooms.positions.current()
  assert.deepEqual(await reader.stateChanges(roomId, begin, Number.MAX_SAFE_INTEGER), [])
  const first = await server.setState(roomId, alice, 'm.room.name', '', { name: 'one' })
  const middle = server.rooms.positions.current()
  const second = await server.setState(roomId, alice, 'm.room.name', '', { name: 'two' })
  const end = server.rooms.positions.current()
  const slot = stateSlot('m.room.name', '')
  assert.deepEqual(
    (await reader.stateChanges(roomId, begin, end)).map((change) => [change.slot, change.eventId]),
    [
      [slot, first],
      [slot, second],
    ],
  )
  assert.deepEqual(
    (await reader.stateChanges(roomId, middle, end)).map(({ eventId }) => eventId),
    [second],
  )
  assert.equal((await reader.event(roomId, second))?.replaces, first)
  assert.equal((await reader.stateBefore(roomId, second)).get(slot), first)
  assert.equal((await reader.stateAfter(roomId, second)).get(slot), second)
  assert.equal(await reader.lastChange(roomId), end)
})

test('a head written by a version that did not note the newest state change gives all of them', async () => {
  const store = new MemoryStore()
  const { server, alice, roomId } = await roomWith(0, store)
  const begin = server.rooms.positions.current()
  const named = await server.setState(roomId, alice, 'm.room.name', '', { name: 'one' })
  await server.message(roomId, alice, 'after it')
  const end = server.rooms.positions.current()
  for await (const { key, value } of tables.head.scan(store, [])) {
    const { lastStateChange: _, ...older } = value
    await store.batch([tables.head.put(key, older)])
  }
  const again = await RoomServer.open('alpha.test', { store })
  const changes = await again.reader.stateChanges(roomId, begin, end)
  assert.deepEqual(
    changes.map(({ eventId }) => eventId),
    [named],
  )
})

test('relations come newest first, filtered and in pages', async () => {
  const { server, alice, reader, roomId, ids } = await roomWith(2)
  const [target = assert.fail(), other = assert.fail()] = ids
  const relate = (to: EventId, relType: string, type = 'm.reaction') =>
    server.engine.send({
      roomId,
      sender: alice,
      type,
      content: { 'm.relates_to': { rel_type: relType, event_id: to, key: 'x' } },
    })
  const reactions = [await relate(target, 'm.annotation'), await relate(target, 'm.annotation')]
  const edit = await relate(target, 'm.replace', 'm.room.message')
  await relate(other, 'm.annotation')
  const idsOf = async (filter: Parameters<typeof reader.relations>[2]) =>
    (await reader.relations(roomId, target, filter)).events.map(({ pdu }) => pdu.eventId)
  assert.deepEqual(await idsOf({ limit: 10 }), [edit, ...reactions.toReversed()])
  assert.deepEqual(await idsOf({ limit: 10, relType: 'm.annotation' }), reactions.toReversed())
  assert.deepEqual(await idsOf({ limit: 10, eventType: 'm.room.message' }), [edit])
  const page = await reader.relations(roomId, target, { limit: 1 })
  assert.deepEqual(await idsOf({ limit: 10, from: page.next ?? assert.fail() }), reactions.toReversed())
  await server.engine.send({
    roomId,
    sender: alice,
    type: 'm.room.redaction',
    content: {},
    redacts: reactions[0] ?? assert.fail(),
  })
  assert.deepEqual(await idsOf({ limit: 10, relType: 'm.annotation' }), [reactions[1]])
})

test('memberships: by user, counts, and who shares a room with whom', async () => {
  const { a, b, alice, bob, roomId } = await twoServers()
  const carol = a.user('carol')
  await a.setMembership(roomId, alice, carol, 'invite')
  assert.deepEqual(await a.reader.memberCounts(roomId), { joined: 2, invited: 1 })
  assert.deepEqual(await b.reader.memberCounts(roomId), { joined: 2, invited: 0 })
  assert.deepEqual([...(await a.reader.sharesRoomWith(alice))], [bob])
  const [invite] = await a.reader.roomsOf(carol)
  assert.equal(invite?.membership, 'invite')
  assert.equal(invite?.sender, alice)
  await a.setMembership(roomId, carol, carol, 'join')
  assert.deepEqual(new Set(await a.reader.sharesRoomWith(alice)), new Set([bob, carol]))
  await a.setMembership(roomId, alice, bob, 'leave')
  assert.deepEqual(await a.reader.memberCounts(roomId), { joined: 2, invited: 0 })
  assert.deepEqual([...(await a.reader.sharesRoomWith(alice))], [carol])
  assert.deepEqual(await a.reader.roomsOf(a.user('nobody')), [])
})

test('a change wakes those in the room, and an invite the one invited', async () => {
  const { a, alice, roomId } = await twoServers()
  const { positions } = a.rooms
  const carol = a.user('carol')
  const since = positions.current()
  const forCarol = positions.wait(since, ({ users }) => users?.includes(carol) ?? false, { timeoutMs: 60_000 })
  const forRoom = positions.wait(since, ({ rooms }) => rooms?.includes(roomId) ?? false, { timeoutMs: 60_000 })
  await a.message(roomId, alice, 'for the room only')
  assert.equal(await forRoom, true)
  await a.setMembership(roomId, alice, carol, 'invite')
  assert.equal(await forCarol, true)
  assert.ok(((await a.reader.membership(roomId, carol))?.position ?? 0) > since)
})
