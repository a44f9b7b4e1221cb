import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, UserId } from '@starling/protocol'
import type { FakeKeyDirectory } from '@starling/testkit'
import { CrashingStore } from '../../test/crashing-store.ts'
import { RoomServer } from '../../test/room-server.ts'
import { twoServers } from '../../test/two-servers.ts'
import type { Timers } from '../exchange/ports.ts'
import { Retention } from './retention.ts'
import { lifetimeOf, type RetentionLimits, SHORTEST_LIFETIME } from './retention-policy.ts'

const DAY = 24 * 3600_000
const MONTH: RetentionLimits = { maxAge: 30 * DAY, followRooms: false }
const NOW: Timers = {
  after(_, run) {
    setImmediate(run)
    return () => undefined
  },
}

function retentionOf({ engine, rooms, clock, logger }: RoomServer, limits: RetentionLimits): Retention {
  const { pruner, historySizes: sizes } = rooms
  return new Retention({ limits, rooms: engine, pruner, sizes, clock, timers: NOW, logger })
}

async function say(server: RoomServer, roomId: RoomId, user: UserId, count: number, text: string): Promise<EventId[]> {
  const ids: EventId[] = []
  for (let n = 0; n < count; n++) ids.push(await server.message(roomId, user, `${text} ${n}`))
  return ids
}

async function onDisk(server: RoomServer, text: string): Promise<boolean> {
  for await (const [, value] of server.store.entries({})) if (Buffer.from(value).includes(text)) return true
  return false
}

/** Everything has been published, as net/ does it. */
async function publishAll(server: RoomServer): Promise<void> {
  const { outbox } = server.rooms
  await outbox.done((await outbox.pending(10_000)).map(({ id }) => id))
}

/** A room of two servers with old messages that both have, and one of today that only keeps the forward extremity young. */
async function oldRoom(old: number, version?: string) {
  const scene = await twoServers(version)
  const { a, b, alice, roomId } = scene
  const ids = await say(a, roomId, alice, old, 'long ago')
  for (const id of ids) await a.give(id, b)
  for (const server of [a, b]) server.clock.advance(40 * DAY)
  const young = await a.message(roomId, alice, 'today')
  await a.give(young, b)
  await publishAll(a)
  return { ...scene, ids, young }
}

for (const version of ['10', '12']) {
  test(`version ${version}: messages older than the limit leave timeline and disk; state and younger messages stay`, async () => {
    const { a, roomId, ids } = await oldRoom(250, version)
    const state = await a.stateOf(roomId)
    assert.equal(await onDisk(a, 'long ago'), true)
    assert.equal(await retentionOf(a, MONTH).round(), 250)
    assert.deepEqual(await a.bodies(roomId), ['today'])
    assert.equal(await onDisk(a, 'long ago'), false)
    assert.equal(await a.reader.event(roomId, ids[0] as EventId), undefined)
    assert.deepEqual(await a.stateOf(roomId), state)
    const { next } = await a.reader.timeline(roomId, { direction: 'b', limit: 1_000 })
    assert.equal(next, undefined, 'the walk back ends cleanly')
    assert.equal(await retentionOf(a, MONTH).round(), 0, 'nothing is left to do')
  })
}

test('twin: without a limit nothing goes, whatever the room says', async () => {
  const { a, alice, roomId } = await oldRoom(5)
  await a.setState(roomId, alice, 'm.room.retention', '', { max_lifetime: 1 })
  assert.equal(await retentionOf(a, { maxAge: undefined, followRooms: false }).round(), 0)
  assert.equal(await onDisk(a, 'long ago'), true)
})

test('a room’s own policy counts where the owner lets it', async () => {
  const { a, alice, roomId } = await oldRoom(5)
  await a.setState(roomId, alice, 'm.room.retention', '', { max_lifetime: 35 * DAY })
  assert.equal(await retentionOf(a, { maxAge: undefined, followRooms: true }).round(), 5)
  assert.deepEqual(await a.bodies(roomId), ['today'])
})

test('what is pruned stands in the DAG: nobody fetches it, it is no news when it comes again, late events on it are accepted', async () => {
  const { a, b, bob, roomId, ids, version } = await oldRoom(20)
  const middle = ids[10] as EventId
  const whole = (await b.pdu(middle)).json
  await retentionOf(a, MONTH).round()
  assert.deepEqual(await a.engine.inDag(ids), new Set(ids))
  assert.deepEqual(await a.engine.backwardExtremities(roomId), [])
  await a.receive(whole, version)
  assert.equal(await onDisk(a, 'long ago'), false, 'it does not come back')
  const late = await b.craft(roomId, {
    sender: bob,
    type: 'm.room.message',
    content: { body: 'from an old branch' },
    prevEvents: [middle],
  })
  for (const server of [a, b]) assert.equal((await server.receive(late, version)).kind, 'accepted')
})

test('a node that prunes and one that does not end in the same state and extremities', async () => {
  const { a, b, alice, bob, roomId } = await oldRoom(30)
  await retentionOf(a, MONTH).round()
  const topic = await a.setState(roomId, alice, 'm.room.topic', '', { topic: 'on goes' })
  const answer = await b.message(roomId, bob, 'at the same time')
  await a.give(topic, b)
  await b.give(answer, a)
  await b.give(await b.message(roomId, bob, 'joined'), a)
  assert.deepEqual(await a.stateOf(roomId), await b.stateOf(roomId))
  assert.deepEqual(await a.engine.forwardExtremities(roomId), await b.engine.forwardExtremities(roomId))
})

test('the newest event of a room is kept however old: the next one stands on it', async () => {
  const { a, alice, roomId } = await oldRoom(3)
  a.clock.advance(365 * DAY)
  assert.equal(await retentionOf(a, MONTH).round(), 3)
  assert.deepEqual(await a.bodies(roomId), ['today'])
  await a.message(roomId, alice, 'a year later')
  assert.equal(await retentionOf(a, MONTH).round(), 1)
  assert.deepEqual(await a.bodies(roomId), ['a year later'])
})

test('a crash in the middle: what was pruned stays so, the rest goes in the next round after the restart', async () => {
  const keys: FakeKeyDirectory = new Map()
  let down = false
  const store = new CrashingStore(() => down)
  const before = await RoomServer.open('alpha.test', { keys, store })
  const alice = before.user('alice')
  const roomId = await before.createRoom(alice)
  await say(before, roomId, alice, 250, 'long ago')
  before.clock.advance(40 * DAY)
  await before.message(roomId, alice, 'today')
  await publishAll(before)
  const cutoff = before.clock.now() - 30 * DAY
  const first = await before.rooms.pruner.turn(roomId, cutoff, undefined)
  down = true
  await assert.rejects(before.rooms.pruner.turn(roomId, cutoff, first.next))
  down = false
  const after = await RoomServer.open('alpha.test', { keys, store, clock: before.clock })
  assert.equal((await after.bodies(roomId)).length, 251 - first.pruned, 'a turn is whole or not at all')
  assert.ok(first.pruned > 0)
  assert.equal(await retentionOf(after, MONTH).round(), 250 - first.pruned)
  assert.deepEqual(await after.bodies(roomId), ['today'])
  assert.equal(await onDisk(after, 'long ago'), false)
})

test('what has still to be published is kept', async () => {
  const { a, alice, roomId } = await twoServers()
  await say(a, roomId, alice, 3, 'nobody was there')
  a.clock.advance(40 * DAY)
  await a.message(roomId, alice, 'today')
  assert.equal(await retentionOf(a, MONTH).round(), 0)
  await publishAll(a)
  assert.equal(await retentionOf(a, MONTH).round(), 3)
})

test('reactions to what is pruned go with it, and old reactions to what is kept', async () => {
  const { a, alice, roomId, young } = await oldRoom(1)
  const relates = { 'm.relates_to': { rel_type: 'm.annotation', event_id: young, key: 'x' } }
  const reaction = await a.engine.send({ roomId, sender: alice, type: 'm.reaction', content: relates })
  assert.equal((await a.reader.relations(roomId, young, { limit: 10 })).events.length, 1)
  a.clock.advance(40 * DAY)
  await a.message(roomId, alice, 'newest')
  await publishAll(a)
  await retentionOf(a, MONTH).round()
  assert.deepEqual((await a.reader.relations(roomId, young, { limit: 10 })).events, [])
  assert.equal(await a.reader.event(roomId, reaction), undefined)
})

const LIFETIMES: readonly (readonly [
  what: string,
  policy: object | undefined,
  limits: RetentionLimits,
  expected: number | undefined,
])[] = [
  ['nothing set', undefined, { maxAge: undefined, followRooms: true }, undefined],
  ['the owner’s limit', undefined, MONTH, 30 * DAY],
  ['a shorter one of the room', { max_lifetime: 7 * DAY }, { ...MONTH, followRooms: true }, 7 * DAY],
  ['a longer one of the room', { max_lifetime: 90 * DAY }, { ...MONTH, followRooms: true }, 30 * DAY],
  [
    'a room that would forget at once',
    { max_lifetime: 1 },
    { maxAge: undefined, followRooms: true },
    SHORTEST_LIFETIME,
  ],
  ['a room that is not followed', { max_lifetime: 7 * DAY }, { maxAge: undefined, followRooms: false }, undefined],
  [
    'a least lifetime that contradicts it',
    { max_lifetime: 2 * DAY, min_lifetime: 5 * DAY },
    { maxAge: undefined, followRooms: true },
    5 * DAY,
  ],
  ['a least lifetime beyond the owner’s limit', { min_lifetime: 90 * DAY }, { ...MONTH, followRooms: true }, 30 * DAY],
  ['a least lifetime alone', { min_lifetime: 90 * DAY }, { maxAge: undefined, followRooms: true }, undefined],
  ['not a number', { max_lifetime: '7' }, { maxAge: undefined, followRooms: true }, undefined],
  ['negative', { max_lifetime: -1 }, { maxAge: undefined, followRooms: true }, undefined],
]

for (const [what, policy, limits, expected] of LIFETIMES) {
  test(`how long messages are kept: ${what}`, () => assert.equal(lifetimeOf(policy as never, limits), expected))
}
