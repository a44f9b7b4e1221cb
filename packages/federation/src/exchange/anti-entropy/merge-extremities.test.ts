import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import type { RoomEngine } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { ExtremityMerger, turnOf } from './merge-extremities.ts'

const ROOM = `!${'r'.repeat(43)}` as RoomId
const SERVERS = ['a.test', 'b.test', 'c.test', 'd.test'] as ServerName[]

/** One room that all see; `merge` says whether this server may. */
function world(extremities: number) {
  const room = { extremities: Array.from({ length: extremities }, (_, index) => `$${index}` as EventId) }
  const merges: ServerName[] = []
  const mergerOf = (server: ServerName, may = true) =>
    new ExtremityMerger({
      keys: { serverName: server },
      sha256: testCrypto.sha256,
      engine: {
        joinedRooms: async () => [ROOM],
        joinedServers: async () => new Set(SERVERS),
        forwardExtremities: async () => room.extremities,
        mergeExtremities: async () => {
          merges.push(server)
          if (may) room.extremities = room.extremities.slice(19)
          return may ? ('$merge' as EventId) : undefined
        },
      } as unknown as RoomEngine,
    })
  return { room, merges, mergerOf }
}

const first = [...SERVERS].sort(
  (a, b) => turnOf(a, ROOM, new Set(SERVERS), testCrypto.sha256) - turnOf(b, ROOM, new Set(SERVERS), testCrypto.sha256),
)[0]

test('each member has a place of its own in the line', () => {
  const turns = SERVERS.map((server) => turnOf(server, ROOM, new Set(SERVERS), testCrypto.sha256)).sort()
  assert.deepEqual(turns, [0, 1, 2, 3])
})

test('of many members one merges a room of 1,000 extremities, twenty at a time', async () => {
  const { room, merges, mergerOf } = world(1_000)
  const mergers = SERVERS.map((server) => mergerOf(server))
  for (let beat = 0; beat < 3; beat++) {
    const before = merges.length
    for (const merger of mergers) await merger.beat()
    if (beat === 0) assert.deepEqual(merges.slice(before), [first], 'not all at once')
  }
  for (let beat = 0; beat < 60; beat++) for (const merger of mergers) await merger.beat()
  assert.ok(room.extremities.length <= limits.extremitiesTolerated)
  const done = merges.length
  for (const merger of mergers) await merger.beat()
  assert.equal(merges.length, done, 'and then there is nothing to do')
})

test('where the first may not or is away, the next has its turn', async () => {
  const { room, mergerOf } = world(15)
  const others = SERVERS.filter((server) => server !== first).map((server) => mergerOf(server))
  await others[0]?.beat()
  assert.equal(room.extremities.length, 15)
  for (let beat = 0; beat < 4; beat++) for (const merger of others) await merger.beat()
  assert.ok(room.extremities.length <= limits.extremitiesTolerated)
})

test('ten extremities are left alone', async () => {
  const { merges, mergerOf } = world(limits.extremitiesTolerated)
  for (let beat = 0; beat < 10; beat++) for (const server of SERVERS) await mergerOf(server).beat()
  assert.deepEqual(merges, [])
})
