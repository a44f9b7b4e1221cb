import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, RoomId, ServerName } from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { ExchangeNetwork } from '../../../test/exchange-network.ts'
import type { RoomEngine } from '../../contracts.ts'
import { limits } from '../limits.ts'
import { RoomDigests } from './room-digests.ts'

const PEER = 'peer.test' as ServerName

function engineOf(rooms: ReadonlyMap<RoomId, readonly EventId[]>): RoomEngine {
  return {
    joinedRooms: async () => [...rooms.keys()],
    isServerJoined: () => true,
    forwardExtremities: async (roomId: RoomId) => rooms.get(roomId) ?? [],
    deadLeaves: async () => [],
  } as unknown as RoomEngine
}

const roomOf = (index: number) => `!${String(index).padStart(43, 'r')}` as RoomId
const eventOf = (text: string) => `$${text.padStart(43, 'e')}` as EventId

test('5,000 equal rooms compare in 2 KiB, and one that differs is found in its group', async () => {
  const rooms = new Map(Array.from({ length: 5_000 }, (_, index) => [roomOf(index), [eventOf(String(index))]]))
  const ours = new RoomDigests(engineOf(rooms), testCrypto.sha256)
  const shared = await ours.shared(PEER)
  const buckets = await ours.buckets(shared)
  assert.equal(shared.size, 5_000)
  assert.ok(JSON.stringify(Object.fromEntries(buckets)).length < 2_048)
  const theirs = new RoomDigests(engineOf(new Map([...rooms, [roomOf(77), [eventOf('other')]]])), testCrypto.sha256)
  const other = await theirs.buckets(await theirs.shared(PEER))
  const differing = [...buckets].filter(([bucket, digest]) => other.get(bucket) !== digest)
  assert.equal(differing.length, 1)
})

test('the digest of a room follows its extremities and not their order', async () => {
  const rooms = new Map<RoomId, readonly EventId[]>([[roomOf(1), [eventOf('a'), eventOf('b')]]])
  const digests = new RoomDigests(engineOf(rooms), testCrypto.sha256)
  const before = await digests.digest(roomOf(1))
  rooms.set(roomOf(1), [eventOf('b'), eventOf('a')])
  assert.equal(await digests.digest(roomOf(1)), before)
  rooms.set(roomOf(1), [eventOf('c')])
  assert.notEqual(await digests.digest(roomOf(1)), before)
})

test('many shared rooms are compared by groups, and what differs in one is pulled', async (t) => {
  const network = new ExchangeNetwork()
  t.after(() => network.stop())
  const a = await network.add('a')
  const b = await network.add('b')
  const rooms: RoomId[] = []
  for (let index = 0; index <= limits.roomsWithoutBuckets; index++) {
    const roomId = await a.rooms.createRoom(a.user())
    await b.join(roomId, [a])
    rooms.push(roomId)
  }
  await network.settled()
  network.gossip = false
  let before = network.requests.length
  await b.exchange.reconcile(a.name)
  await network.settled()
  assert.equal(network.requests.length - before, 1, 'nothing differs: one request')
  const [first] = rooms as [RoomId]
  await a.rooms.message(first, a.user(), 'new')
  before = network.requests.length
  await b.exchange.reconcile(a.name)
  await network.settled()
  assert.deepEqual(await b.rooms.bodies(first), ['new'])
  const compared = network.requests.slice(before).filter(({ uri }) => uri.endsWith('/extremities'))
  assert.ok(compared.every(({ content }) => Object.keys((content?.rooms ?? {}) as object).length < 10))
})
