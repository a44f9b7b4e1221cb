import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type RoomId, slotKey, type UserId } from '@starling/protocol'
import { carry, type FakeKeyDirectory, joinFromAway, LocalRooms } from '@starling/testkit'
import fc from 'fast-check'
import { type RoomServer, startRoomServer } from '../rooms/testing/room-server.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import type { TestUser } from '../testing/test-api.ts'
import { ModelClient } from './testing/model-client.ts'

const AWAY = '@dave:away.test' as UserId

type Action =
  | {
      readonly kind: 'say' | 'name' | 'topic' | 'rename' | 'join' | 'leave'
      readonly who: number
      readonly text: string
    }
  | { readonly kind: 'sync'; readonly limit: number }
  /** Another server's user does so in a branch of their own. */
  | { readonly kind: 'away-say' | 'away-name' | 'away-topic'; readonly text: string }
  /** Those events arrive. */
  | { readonly kind: 'deliver' }

const text = fc.stringMatching(/^[a-c]{1,2}$/)
const local = fc.record({
  kind: fc.constantFrom(
    'say' as const,
    'name' as const,
    'topic' as const,
    'rename' as const,
    'join' as const,
    'leave' as const,
  ),
  who: fc.nat(2),
  text,
})
const syncing = fc.record({ kind: fc.constant('sync' as const), limit: fc.integer({ min: 1, max: 4 }) })
const away = fc.record({
  kind: fc.constantFrom('away-say' as const, 'away-name' as const, 'away-topic' as const),
  text,
})
const deliver = fc.record({ kind: fc.constant('deliver' as const) })

const linear: fc.Arbitrary<Action[]> = fc.array(fc.oneof({ weight: 3, arbitrary: local }, syncing), { maxLength: 30 })
const forked: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: local }, { weight: 3, arbitrary: away }, deliver, syncing),
  { minLength: 15, maxLength: 40 },
)

test('many syncs tell a client what one initial sync does: state and timeline', async () => {
  await using world = await startWorld()
  let limited = 0
  await fc.assert(
    fc.asyncProperty(linear, async (actions) => {
      for (const useStateAfter of [false, true]) limited += await compare(world, actions, useStateAfter)
    }),
    { numRuns: 25 },
  )
  assert.ok(limited > 0, 'no timeline was ever limited: the property has not tested gaps')
})

test('the same with branches that come from another server, told by state_after', async () => {
  await using world = await startWorld()
  await fc.assert(
    fc.asyncProperty(forked, async (actions) => {
      await compare(world, actions, true)
    }),
    { numRuns: 25 },
  )
  assert.ok(world.conflicts > 0, 'no branch ever lost to another: the property has not tested state resolution')
})

class World implements AsyncDisposable {
  readonly server: RoomServer
  readonly away: LocalRooms
  readonly users: readonly TestUser[]
  conflicts = 0

  constructor(server: RoomServer, away: LocalRooms, users: readonly TestUser[]) {
    this.server = server
    this.away = away
    this.users = users
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    await this.away.stop()
  }
}

async function startWorld(): Promise<World> {
  const keys: FakeKeyDirectory = new Map()
  const server = await startRoomServer({ keys })
  const { clock } = server
  const away = await LocalRooms.start({ serverName: 'away.test', store: new MemoryStore(), clock, keys, seed: 2 })
  const users = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  return new World(server, away, users)
}

/** Plays the actions in a new room; answers how many syncs were limited. */
async function compare(world: World, actions: readonly Action[], useStateAfter: boolean): Promise<number> {
  const { server, away, users } = world
  const alice = users[0] as TestUser
  const power_level_content_override = { state_default: 0, events: { 'm.room.name': 0 } }
  const roomId = await server.createRoom(alice, { preset: 'public_chat', power_level_content_override })
  await joinFromAway(server.rooms, away, roomId, AWAY)
  const split = new ModelClient(server, alice, roomId, useStateAfter)
  await split.sync(5)
  const undelivered: EventId[] = []
  for (const action of actions) await play(world, roomId, action, split, undelivered)
  await play(world, roomId, { kind: 'deliver' }, split, undelivered)
  await split.sync(3)
  const whole = new ModelClient(server, alice, roomId, useStateAfter)
  await whole.sync(250)
  assert.deepEqual(sorted(split.state), sorted(whole.state))
  assert.deepEqual(sorted(split.state), sorted(await currentState(world, roomId)))
  assert.deepEqual(split.timeline, whole.timeline)
  return split.limitedSyncs
}

async function play(
  world: World,
  roomId: RoomId,
  action: Action,
  client: ModelClient,
  undelivered: EventId[],
): Promise<void> {
  const { server, away } = world
  switch (action.kind) {
    case 'sync':
      return client.sync(action.limit)
    case 'deliver': {
      const verdicts = await carry(away, server.rooms, undelivered.splice(0))
      if (verdicts.includes('accepted')) world.conflicts += await lost(world, roomId)
      return
    }
    case 'away-say':
    case 'away-name':
    case 'away-topic': {
      const draft = { roomId, sender: AWAY, ...contentOf(action.kind.slice('away-'.length), action.text, AWAY) }
      undelivered.push(await away.send(draft))
      return
    }
    default:
      return act(world, roomId, action)
  }
}

/** Local users do it if they may; what the rules refuse is not done. */
async function act(world: World, roomId: RoomId, action: Extract<Action, { who: number }>): Promise<void> {
  const { server, users } = world
  const user = (users[action.who] as TestUser).userId
  // The client under test stays.
  if (action.kind === 'leave' && action.who === 0) return
  const done =
    action.kind === 'join' || action.kind === 'leave'
      ? server.rooms.changeMembership({ roomId, sender: user, target: user, membership: action.kind })
      : server.rooms.send({ roomId, sender: user, ...contentOf(action.kind, action.text, user) })
  await done.catch((error: Error) => assert.equal(error.name, 'RoomError'))
}

function contentOf(kind: string, value: string, user: UserId) {
  switch (kind) {
    case 'name':
      return { type: 'm.room.name', stateKey: '', content: { name: value } }
    case 'topic':
      return { type: 'm.room.topic', stateKey: '', content: { topic: value } }
    case 'rename':
      return { type: 'm.room.member', stateKey: user, content: { membership: 'join', displayname: value } }
    default:
      return { type: 'm.room.message', content: { body: value } }
  }
}

/** 1 if the newest state event of the timeline is not the room's state: another branch has won. */
async function lost({ server }: World, roomId: RoomId): Promise<number> {
  const { events } = await server.rooms.reader.timeline(roomId, { direction: 'b', limit: 20 })
  const state = await server.rooms.reader.currentState(roomId)
  const newest = events.find(({ pdu }) => pdu.stateKey !== undefined)
  return newest && ![...state.values()].includes(newest.pdu.eventId) ? 1 : 0
}

async function currentState({ server }: World, roomId: RoomId): Promise<Map<string, string>> {
  const state = await server.rooms.reader.currentState(roomId)
  return new Map(
    [...state].map(([slot, eventId]) => {
      const { type, stateKey } = slotKey(slot)
      return [`${type}|${stateKey}`, eventId]
    }),
  )
}

function sorted(state: ReadonlyMap<string, string>): [string, string][] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1))
}
