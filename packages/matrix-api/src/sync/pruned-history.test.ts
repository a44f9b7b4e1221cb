import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId } from '@starling/protocol'
import { client, roomPath } from '../rooms/testing/paths.ts'
import { type RoomServer, startRoomServer } from '../rooms/testing/room-server.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import type { TestUser } from '../testing/test-api.ts'

type Event = { event_id: string; type: string; state_key?: string; content: { body?: string } }

const SYNC = client('/sync')
const SHORT = JSON.stringify({ room: { timeline: { limit: 4 } } })
const bodies = (events: readonly Event[]) => events.flatMap((event) => event.content.body ?? [])

/** A room of which twenty old messages were pruned; ten young ones and the state are kept. */
async function prunedRoom() {
  const server = await startRoomServer()
  const alice = await server.user('alice')
  const roomId = await server.createRoom(alice, { preset: 'public_chat' })
  const sync = async (query: Record<string, string>) => server.request('GET', SYNC, { as: alice, query })
  const since = async () => (await sync({})).body.next_batch as string
  const before = await since()
  const old: string[] = []
  for (let n = 0; n < 20; n++) {
    old.push(await server.say(alice, roomId, `old ${n}`))
    server.clock.advance(1)
  }
  const within = await since()
  await server.request('PUT', roomPath(roomId, 'state', 'm.room.topic'), { as: alice, body: { topic: 'kept' } })
  server.clock.advance(1_000)
  const cutoff = server.clock.now()
  for (let n = 0; n < 10; n++) await server.say(alice, roomId, `young ${n}`)
  const { outbox, pruner } = server.rooms.open
  await outbox.done((await outbox.pending(1_000)).map(({ id }) => id))
  assert.equal((await pruner.turn(roomId, cutoff, undefined)).pruned, 20)
  return { server, alice, roomId, sync, before, within, old }
}

/** All pages of `/messages` from a token on. */
async function walk(server: RoomServer, as: TestUser, roomId: RoomId, dir: 'b' | 'f', from?: string) {
  const events: Event[] = []
  const tokens = new Set<string>()
  for (let next = from, first = true; first || next !== undefined; first = false) {
    const query: Record<string, string> = { dir, limit: '3', ...(next !== undefined && { from: next }) }
    const answer = await server.request('GET', roomPath(roomId, 'messages'), { as, query })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    expectMatchesSpec('getRoomEvents', answer)
    events.push(...(answer.body.chunk as Event[]))
    next = answer.body.end as string | undefined
    if (next === undefined) break
    assert.equal(tokens.has(next), false, 'every page leads on')
    tokens.add(next)
  }
  return events
}

test('an initial sync is limited, and its prev_batch leads back across what was pruned to the beginning of the room', async () => {
  const { server, alice, roomId, sync } = await prunedRoom()
  await using _ = server
  const answer = await sync({ filter: SHORT })
  expectMatchesSpec('sync', answer)
  const { timeline } = answer.body.rooms.join[roomId]
  assert.deepEqual(bodies(timeline.events), ['young 6', 'young 7', 'young 8', 'young 9'])
  assert.equal(timeline.limited, true)
  const older = await walk(server, alice, roomId, 'b', timeline.prev_batch)
  assert.deepEqual(bodies(older), ['young 5', 'young 4', 'young 3', 'young 2', 'young 1', 'young 0'])
  const types = older.filter(({ state_key }) => state_key !== undefined).map(({ type }) => type)
  assert.equal(types[0], 'm.room.topic', 'state from within what was pruned is there')
  assert.equal(types.at(-1), 'm.room.create')
})

test('who was away since before it, or since within it, gets what is kept, limited where it is more than asked for', async () => {
  const { server, alice, roomId, sync, before, within } = await prunedRoom()
  await using _ = server
  for (const since of [before, within]) {
    const whole = (await sync({ since })).body.rooms.join[roomId]
    assert.deepEqual(
      bodies(whole.timeline.events),
      Array.from({ length: 10 }, (_, n) => `young ${n}`),
    )
    const short = (await sync({ since, filter: SHORT })).body.rooms.join[roomId]
    assert.equal(short.timeline.limited, true)
    assert.deepEqual(bodies(short.timeline.events), ['young 6', 'young 7', 'young 8', 'young 9'])
    const state = short.state.events as Event[]
    assert.ok(
      state.some(({ type }) => type === 'm.room.topic'),
      'the state that changed in the gap comes beside it',
    )
    const gap = await walk(server, alice, roomId, 'b', short.timeline.prev_batch)
    assert.equal(bodies(gap).length, 6)
    const forth = await walk(server, alice, roomId, 'f', since)
    assert.deepEqual(
      bodies(forth),
      Array.from({ length: 10 }, (_, n) => `young ${n}`),
      'forwards from there as well',
    )
  }
})

test('a pruned message is not found, neither by its id nor with its surroundings', async () => {
  const { server, alice, roomId, old } = await prunedRoom()
  await using _ = server
  for (const kind of ['event', 'context'] as const) {
    const answer = await server.request('GET', roomPath(roomId, kind, old[10] as string), { as: alice })
    assert.deepEqual([answer.status, answer.body.errcode], [404, 'M_NOT_FOUND'], kind)
  }
})
