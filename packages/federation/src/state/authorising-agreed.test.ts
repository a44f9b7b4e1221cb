import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type RoomId, type StateSlot, stateSlot } from '@starling/protocol'
import type { FakeKeyDirectory } from '@starling/testkit'
import fc from 'fast-check'
import { RoomServer } from '../../test/room-server.ts'
import { RoomHeads } from '../room/room-heads.ts'
import { RoomTransaction } from '../room/room-transaction.ts'
import { Database } from '../store/database.ts'
import { EventStore } from '../store/event-store.ts'
import { RoomRegistry } from '../store/room-registry.ts'
import { authorisingAgreed } from './authorising-agreed.ts'
import { StateStore } from './state-store.ts'

/** Reads a server's room as its writer would. */
async function reading(server: RoomServer, roomId: RoomId): Promise<RoomTransaction> {
  const database = new Database(server.store)
  const states = new StateStore(database)
  const heads = new RoomHeads(database, await RoomRegistry.open(database), states)
  const events = new EventStore(database)
  const { positions } = server.rooms
  return new RoomTransaction(roomId, await heads.writing(roomId), { database, events, states, positions })
}

/** The definition: all that is reached from the agreed events along auth events. */
async function plain(agreed: Iterable<EventId>, transaction: RoomTransaction): Promise<Set<EventId>> {
  const chain = new Set<EventId>()
  let frontier = [...agreed]
  while (frontier.length > 0) {
    const events = await transaction.events(frontier)
    frontier = [...events.values()].flatMap(({ pdu }) => pdu.authEvents.filter((id) => !chain.has(id)))
    for (const id of frontier) chain.add(id)
  }
  return chain
}

const step = fc.record({ who: fc.nat(3), whom: fc.nat(3), what: fc.nat(5), fork: fc.nat(4) })

test('what authorises the agreed part of a state is found from the other end as well, one by one and after a join', async () => {
  const reached = { yes: 0, no: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 15, maxLength: 35 }),
      fc.nat(),
      fc.boolean(),
      async (steps, cut, entered) => {
        const keys: FakeKeyDirectory = new Map()
        const server = await RoomServer.open('one.test', { keys })
        const people = ['alice', 'bob', 'carol', 'dave'].map((name) => server.user(name))
        const [alice] = people as [(typeof people)[0]]
        const roomId = await server.createRoom(alice)
        const ids = await play(server, roomId, people, steps.slice(0, 15))
        let reader = server
        if (entered) {
          reader = await RoomServer.open('two.test', { keys })
          await server.setMembership(roomId, alice, reader.user('erin'), 'invite')
          await reader.joinVia(server, roomId, reader.user('erin'))
          const later = await play(server, roomId, people, steps.slice(15))
          for (const id of later) await server.give(id, reader)
          ids.push(...later)
        } else ids.push(...(await play(server, roomId, people, steps.slice(15))))
        const transaction = await reading(reader, roomId)
        const state = [...transaction.requireHead().state.map]
        // Any part of the state may be what is agreed on.
        const agreed = new Map<StateSlot, EventId>(state.filter((_, index) => ((cut >> (index % 20)) & 1) === 0))
        const expected = await plain(agreed.values(), transaction)
        const known = await transaction.events(ids)
        for (const size of [0, Number.POSITIVE_INFINITY]) {
          const part = { get: (slot: StateSlot) => agreed.get(slot), values: () => agreed.values(), size }
          for (const id of known.keys()) {
            const found = await authorisingAgreed(new Set([id]), part, transaction)
            assert.equal(found.has(id), expected.has(id))
            reached[found.has(id) ? 'yes' : 'no']++
          }
          const all = await authorisingAgreed(new Set(known.keys()), part, transaction)
          assert.deepEqual([...all].sort(), [...known.keys()].filter((id) => expected.has(id)).sort())
        }
      },
    ),
    { numRuns: 40 },
  )
  assert.ok(reached.yes > 100 && reached.no > 100, JSON.stringify(reached))
})

/** Plays what the rules allow, on forks; answers the ids of all that was accepted. */
async function play(
  server: RoomServer,
  roomId: RoomId,
  people: readonly ReturnType<RoomServer['user']>[],
  steps: readonly { readonly who: number; readonly whom: number; readonly what: number; readonly fork: number }[],
): Promise<EventId[]> {
  const version = (await server.engine.roomVersion(roomId)) ?? ''
  const made: EventId[] = []
  for (const { who, whom, what, fork } of steps) {
    const [sender, target] = [people[who] ?? assert.fail(), people[whom] ?? assert.fail()]
    const drafts = [
      { type: 'm.room.member', stateKey: sender, content: { membership: 'join' } },
      { type: 'm.room.member', stateKey: sender, content: { membership: 'leave' } },
      { type: 'm.room.member', stateKey: target, content: { membership: 'invite' } },
      { type: 'm.room.name', stateKey: '', content: { name: `${made.length}` } },
      { type: 'm.room.power_levels', stateKey: '', content: { users: { [target]: 50 }, state_default: 0 } },
      { type: 'm.room.join_rules', stateKey: '', content: { join_rule: whom > 1 ? 'public' : 'invite' } },
    ]
    // The creator stays: a room that this server has left takes nothing in.
    if (who === 0 && what === 1) continue
    const older = fork === 0 ? made.at(-3) : undefined
    const state = older && (await server.engine.stateBefore(roomId, older))
    const parents = older && (await server.pdu(older)).prevEvents
    const given = state && parents ? { state, prevEvents: parents } : {}
    const json = await server.craft(roomId, { sender, ...(drafts[what] ?? assert.fail()), ...given })
    const verdict = await server.receive(json, version)
    if (verdict.kind === 'accepted') made.push(verdict.eventId)
  }
  return made
}

test('in a large room, only a few events are read to find out', async () => {
  const server = await RoomServer.open('one.test')
  const alice = server.user('alice')
  const roomId = await server.createRoom(alice)
  for (let n = 0; n < 400; n++) await server.setState(roomId, alice, 'thing', `${n}`, {})
  const bob = server.user('bob')
  await server.setMembership(roomId, bob, bob, 'join')
  await server.setMembership(roomId, bob, bob, 'leave')
  const transaction = await reading(server, roomId)
  const { map } = transaction.requireHead().state
  const left = map.get(stateSlot('m.room.member', bob)) ?? assert.fail()
  const joined = (await transaction.event(left))?.replaces ?? assert.fail()
  let walked = false
  const agreed = {
    get: (slot: StateSlot) => (slot === stateSlot('m.room.member', bob) ? undefined : map.get(slot)),
    values: () => {
      walked = true
      return map.values()
    },
    size: map.size,
  }
  assert.deepEqual([...(await authorisingAgreed(new Set([joined]), agreed, transaction))], [])
  assert.equal(walked, false)
})
