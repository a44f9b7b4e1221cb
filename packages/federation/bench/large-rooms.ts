/**
 * What the size of a room costs the engine, over a store in memory: no disk, no network. Each function measures one thing and
 * can be called on its own; `large-rooms.bench.ts` prints them all.
 */
import {
  contentHash,
  type EventId,
  eventTemplate,
  type JsonObject,
  type RoomId,
  roomVersionRules,
  selectAuthEvents,
  type UserId,
} from '@starling/protocol'
import { testCrypto } from '@starling/testkit'
import { RoomServer } from '../test/room-server.ts'

export interface LargeRoom {
  readonly server: RoomServer
  readonly roomId: RoomId
  readonly creator: UserId
  readonly members: readonly UserId[]
  /** CPU milliseconds of each of the last 200 joins, on average. */
  readonly joinMs: number
}

const ROOM_VERSION = '12'

/** A public room with that many local members, who joined one after the other. */
export async function largeRoom(size: number, name = 'large.test'): Promise<LargeRoom> {
  const server = await RoomServer.open(name)
  const creator = server.user('creator')
  const roomId = await server.createRoom(creator)
  const members = Array.from({ length: size - 1 }, (_, n) => server.user(`member${n}`))
  const last = members.splice(Math.max(0, members.length - 200))
  for (const member of members) await server.setMembership(roomId, member, member, 'join')
  const joinMs = await cpuMs(last.length, (n) => {
    const member = last[n] as UserId
    return server.setMembership(roomId, member, member, 'join')
  })
  return { server, roomId, creator, members: [...members, ...last], joinMs }
}

/** CPU milliseconds per round. */
export async function cpuMs(rounds: number, work: (n: number) => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage()
  for (let n = 0; n < rounds; n++) await work(n)
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000 / Math.max(rounds, 1)
}

/** Sending one message, CPU milliseconds. */
export function sendMs({ server, roomId, creator }: LargeRoom, rounds = 300): Promise<number> {
  return cpuMs(rounds, (n) => server.message(roomId, creator, `message ${n}`))
}

/** Taking in a stranger's message: checks and ingest, beside the raw cost of its cryptography (two hashes, one signature). */
export async function receiveMs(
  { server, roomId, creator }: LargeRoom,
  rounds = 300,
): Promise<{ readonly receive: number; readonly crypto: number }> {
  const events: JsonObject[] = []
  let prevEvents = await server.engine.forwardExtremities(roomId)
  const state = await server.engine.currentState(roomId)
  for (let n = 0; n < rounds; n++) {
    const content = { msgtype: 'm.text', body: `message ${n}` }
    const json = await server.craft(roomId, { sender: creator, type: 'm.room.message', content, prevEvents, state })
    events.push(json)
    prevEvents = [(await server.check(json, ROOM_VERSION)).pdu.eventId]
  }
  const seed = new Uint8Array(32)
  const publicKey = testCrypto.ed25519.publicKey(seed)
  const message = new Uint8Array(600)
  const signature = testCrypto.ed25519.sign(seed, message)
  const crypto = await cpuMs(rounds, async (n) => {
    contentHash(events[n] as JsonObject, testCrypto.sha256)
    testCrypto.sha256(message)
    testCrypto.ed25519.verify(publicKey, message, signature)
  })
  const receive = await cpuMs(rounds, async (n) => {
    const verdict = await server.receive(events[n] as JsonObject, ROOM_VERSION)
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict))
  })
  return { receive, crypto }
}

/**
 * Two branches that fork at the room's state now, with `count` changed memberships in all. `last`: CPU milliseconds of the
 * newest event, for which the states of both are resolved; `each`: of every event of the second branch, on average.
 */
export async function resolveForkMs(
  room: LargeRoom,
  count: number,
): Promise<{ readonly last: number; readonly each: number }> {
  const base = await room.server.engine.forwardExtremities(room.roomId)
  await branch(room, base, count / 2, 0)
  let tip = base
  const each = await cpuMs(1, async () => {
    tip = [await branch(room, base, count / 2, 1)]
  })
  const last = await cpuMs(1, () => branch(room, tip, 1, 1))
  // The next fork begins where this one has been joined.
  await room.server.message(room.roomId, room.creator, 'joined')
  return { last, each: each / (count / 2) }
}

async function branch(room: LargeRoom, base: readonly EventId[], count: number, side: number): Promise<EventId> {
  const { server, roomId, members } = room
  const rules = roomVersionRules(ROOM_VERSION)
  if (!rules) throw new Error('unknown room version')
  const state = await server.engine.currentState(roomId)
  let prevEvents = base
  for (let n = 0; n < count; n++) {
    const sender = members[(n * 2 + side) % members.length] as UserId
    const content = { membership: 'join', displayname: `${side} ${n}` }
    const draft = { type: 'm.room.member', sender, stateKey: sender, content }
    const event = eventTemplate(
      {
        ...draft,
        roomId,
        prevEvents,
        authEvents: selectAuthEvents(draft, state, rules),
        depth: 1_000_000 + n,
        originServerTs: server.clock.now(),
      },
      rules,
    )
    const verdict = await server.engine.receive(server.engine.finish(event, ROOM_VERSION))
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict))
    prevEvents = [verdict.eventId]
  }
  return prevEvents[0] as EventId
}
