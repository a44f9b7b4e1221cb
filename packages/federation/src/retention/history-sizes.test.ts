import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId } from '@starling/protocol'
import { RoomServer } from '../../test/room-server.ts'
import type { Timers } from '../exchange/ports.ts'
import { shareOf } from './history-sizes.ts'
import { Retention } from './retention.ts'
import { LONGEST_SPARED, type RetentionLimits, SHORTEST_LIFETIME, sparedFor } from './retention-policy.ts'

const DAY = 24 * 3600_000

const NOW: Timers = {
  after(_, run) {
    setImmediate(run)
    return () => undefined
  },
}

function retentionOf({ engine, rooms, clock, logger }: RoomServer, limits: Partial<RetentionLimits>): Retention {
  const { pruner, historySizes: sizes } = rooms
  const all = { maxAge: undefined, followRooms: false, ...limits }
  return new Retention({ limits: all, rooms: engine, pruner, sizes, clock, timers: NOW, logger })
}

/** A server with a room of that many messages for each number, all published, and the clock some days later. */
async function roomsOf(...counts: readonly number[]) {
  const server = await RoomServer.open('alpha.test')
  const alice = server.user('alice')
  const ids: RoomId[] = []
  for (const count of counts) {
    const roomId = await server.createRoom(alice)
    for (let n = 0; n < count; n++) await server.message(roomId, alice, `${'x'.repeat(1_000)} ${n}`)
    ids.push(roomId)
  }
  const { outbox } = server.rooms
  await outbox.done((await outbox.pending(10_000)).map(({ id }) => id))
  server.clock.advance(10 * DAY)
  return { server, alice, ids }
}

async function sizeOf(server: RoomServer, roomId: RoomId): Promise<number> {
  while (await server.rooms.historySizes.measure(roomId));
  return (await server.rooms.historySizes.spans(roomId)).reduce((sum, { bytes }) => sum + bytes, 0)
}

async function messages(server: RoomServer, roomId: RoomId): Promise<number[]> {
  return (await server.bodies(roomId)).map((body) => Number(String(body).split(' ').at(-1)))
}

test('a limit by size: the largest room gives its oldest messages, the others nothing', async () => {
  const { server, ids } = await roomsOf(1_100, 40)
  const [large, small] = ids as [RoomId, RoomId]
  const whole = (await sizeOf(server, large)) + (await sizeOf(server, small))
  const maxBytes = Math.floor(whole / 2)
  const pruned = await retentionOf(server, { maxBytes }).round()
  const left = await messages(server, large)
  assert.equal(left.length, 1_100 - pruned)
  assert.deepEqual(
    left,
    Array.from({ length: left.length }, (_, n) => n + pruned),
    'the newest stay',
  )
  assert.equal((await messages(server, small)).length, 40)
  const together = (await sizeOf(server, large)) + (await sizeOf(server, small))
  assert.ok(together <= maxBytes, `${together} of ${maxBytes} bytes`)
  assert.ok(together > maxBytes * 0.5, 'no more goes than has to, but for what a span holds')
  assert.equal(await retentionOf(server, { maxBytes }).round(), 0, 'what is gone is not counted any more')
})

test('twin: without a limit by size nothing goes', async () => {
  const { server } = await roomsOf(30)
  assert.equal(await retentionOf(server, {}).round(), 0)
})

test('what is new is measured with the next round, and only that', async () => {
  const { server, alice, ids } = await roomsOf(260)
  const [roomId] = ids as [RoomId]
  const before = await sizeOf(server, roomId)
  assert.equal((await server.rooms.historySizes.spans(roomId)).length, 2)
  assert.equal(await server.rooms.historySizes.measure(roomId), false)
  await server.message(roomId, alice, 'x'.repeat(5_000))
  const after = await sizeOf(server, roomId)
  assert.ok(after - before > 5_000 && after - before < 7_000, `${before} to ${after}`)
  const spans = await server.rooms.historySizes.spans(roomId)
  assert.equal(spans.length, 2, 'the last span is filled up')
  for (const [index, { from }] of spans.entries()) assert.ok(index === 0 || from > (spans[index - 1]?.to ?? 0))
})

test('what is less than a day old stays, however much it is; a room may ask for a week', async () => {
  for (const [policy, followRooms, age, stays] of [
    [undefined, false, 0.5, true],
    [undefined, false, 2, false],
    [{ min_lifetime: 5 * DAY }, true, 2, true],
    [{ min_lifetime: 5 * DAY }, false, 2, false],
    [{ min_lifetime: 365 * DAY }, true, 8, false],
  ] as const) {
    const { server, alice, ids } = await roomsOf(0)
    const [roomId] = ids as [RoomId]
    if (policy) await server.setState(roomId, alice, 'm.room.retention', '', policy)
    for (let n = 0; n < 20; n++) await server.message(roomId, alice, `young ${n}`)
    const { outbox } = server.rooms
    await outbox.done((await outbox.pending(1_000)).map(({ id }) => id))
    server.clock.advance(age * DAY)
    const pruned = await retentionOf(server, { maxBytes: 1, followRooms }).round()
    assert.equal(pruned, stays ? 0 : 19, `${JSON.stringify(policy)}, ${age} days`)
  }
})

test('limits by age and by size hold together', async () => {
  const { server, alice, ids } = await roomsOf(300)
  const [roomId] = ids as [RoomId]
  const whole = await sizeOf(server, roomId)
  for (let n = 300; n < 600; n++) await server.message(roomId, alice, `${'x'.repeat(1_000)} ${n}`)
  const { outbox } = server.rooms
  await outbox.done((await outbox.pending(10_000)).map(({ id }) => id))
  server.clock.advance(5 * DAY)
  const limits = { maxAge: 8 * DAY, maxBytes: whole * 2 }
  assert.equal(await retentionOf(server, limits).round(), 300, 'by age; what is left fits')
  const left = await sizeOf(server, roomId)
  assert.ok(left < whole * 1.1 && left > whole * 0.9, `${left} of ${whole}`)
})

const SHARES: readonly (readonly [sizes: readonly number[], limit: number, share: number])[] = [
  [[], 10, Number.POSITIVE_INFINITY],
  [[1, 2, 3], 6, Number.POSITIVE_INFINITY],
  [[1, 2, 30], 10, 7],
  [[30, 1, 30], 11, 5],
  [[10, 10], 0, 0],
]

for (const [sizes, limit, share] of SHARES) {
  test(`a limit of ${limit} shared by rooms of [${sizes}]`, () => assert.equal(shareOf(sizes, limit), share))
}

test('a room’s least lifetime counts for a day at least and a week at most, and only where rooms are followed', () => {
  const spared = (policy: JsonObject | undefined, followRooms = true) =>
    sparedFor(policy, { maxAge: undefined, followRooms })
  assert.equal(spared(undefined), SHORTEST_LIFETIME)
  assert.equal(spared({ min_lifetime: 3 * DAY }), 3 * DAY)
  assert.equal(spared({ min_lifetime: 3 * DAY }, false), SHORTEST_LIFETIME)
  assert.equal(spared({ min_lifetime: 365 * DAY }), LONGEST_SPARED)
  assert.equal(spared({ min_lifetime: '3' }), SHORTEST_LIFETIME)
})
