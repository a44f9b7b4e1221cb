import { join } from 'node:path'
import { openRooms } from '@starling/federation'
import { LevelStore } from '@starling/node'
import type { EventId, RoomId } from '@starling/protocol'
import type { OwnerClient } from '../clients/owner-client.ts'
import { FakeKeyRing } from '../fake-key-ring.ts'
import { testCrypto } from '../test-crypto.ts'
import { QuietLogger, TestClock, testRandomBytes } from '../test-surroundings.ts'
import type { ChaosNode } from './chaos-node.ts'

/** What one node shows of the room to its user. */
export interface SeenRoom {
  readonly timeline: ReadonlySet<string>
  readonly state: readonly string[]
}

/** What one node's database holds of the room. */
export interface StoredRoom {
  readonly inDag: ReadonlySet<string>
  readonly extremities: readonly string[]
  readonly state: readonly string[]
}

/** How many of these events the node does not show, and its current state: cheap to ask for often. */
export async function glance(
  client: OwnerClient,
  roomId: string,
  wanted: readonly string[],
): Promise<{ readonly lacking: number; readonly state: readonly string[] }> {
  const room = `rooms/${encodeURIComponent(roomId)}`
  const [state, ...answers] = await Promise.all([
    client.stateOf(roomId),
    ...wanted.map((id) => client.call('GET', `${room}/event/${encodeURIComponent(id)}`)),
  ])
  const lacking = answers.filter(({ status }) => status !== 200).length
  return { lacking, state: state.map((event) => event.event_id).sort() }
}

export async function seenRoom(client: OwnerClient, roomId: string): Promise<SeenRoom> {
  const timeline = await client.eventsAfter(roomId, undefined)
  const state = await client.stateOf(roomId)
  return {
    timeline: new Set(timeline.map((event) => event.event_id)),
    state: state.map((event) => event.event_id).sort(),
  }
}

/** Reads a stopped node's database with the engine's own code: there is no way into a running one, and none is made for tests. */
export async function storedRoom(
  { process, ownerId }: ChaosNode,
  roomId: string,
  ids: readonly string[],
): Promise<StoredRoom> {
  await using store = await LevelStore.open(join(process.dataDir, 'database'))
  const rooms = await openRooms({
    store,
    keys: new FakeKeyRing(ownerId.slice(ownerId.indexOf(':') + 1)),
    crypto: testCrypto,
    clock: new TestClock(),
    logger: new QuietLogger(),
    randomBytes: testRandomBytes(1),
  })
  try {
    const room = roomId as RoomId
    return {
      inDag: await rooms.engine.inDag(ids as EventId[]),
      extremities: [...(await rooms.engine.forwardExtremities(room))].sort(),
      state: [...(await rooms.engine.currentState(room)).values()].sort(),
    }
  } finally {
    await rooms.stop()
  }
}

/** Where the nodes differ, in words; empty where all agree. */
export function differences(what: string, lists: readonly (readonly string[])[]): string[] {
  const all = new Set(lists.flat())
  return lists.flatMap((list, node) => {
    const there = new Set(list)
    const missing = [...all].filter((id) => !there.has(id))
    return missing.length === 0
      ? []
      : [`${what}: node ${node} lacks ${missing.length}: ${missing.slice(0, 3).join(', ')}`]
  })
}
