import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventId, type RoomId, type StateSlot, stateSlot, type UserId } from '@starling/protocol'
import type { RoomEvent, RoomMembership, StateChange } from '../ports.ts'
import { expectMatchesSpec } from '../testing/openapi.ts'
import { FakeRooms, startEncryption } from './testing/test-encryption.ts'

const CHANGES = '/_matrix/client/v3/keys/changes'
const ROOM = '!room' as RoomId
const ALICE = '@alice:here.test' as UserId
const BOB = '@bob:here.test' as UserId
const CAROL = '@carol:there.test' as UserId

/** A room whose membership events are listed, each at its position. */
class MemberRoom {
  readonly #changes: StateChange[] = []
  readonly #events = new Map<EventId, RoomEvent>()
  readonly #slots = new Map<StateSlot, EventId>()
  own: RoomMembership['membership'] = 'join'
  ownPosition = 0
  ownEvent: EventId | undefined

  change(userId: UserId, membership: string, position: number): void {
    const slot = stateSlot('m.room.member', userId)
    const eventId = `$${position}` as EventId
    const replaces = this.#slots.get(slot)
    this.#changes.push({ slot, eventId, position })
    this.#events.set(eventId, { pdu: { content: { membership } }, replaces } as unknown as RoomEvent)
    this.#slots.set(slot, eventId)
  }

  rooms(): FakeRooms {
    return new FakeRooms({
      roomsOf: async () => [
        { roomId: ROOM, membership: this.own, position: this.ownPosition, eventId: this.ownEvent } as RoomMembership,
      ],
      lastChange: async () => 1_000_000,
      currentState: async () => this.#slots,
      stateChanges: async (_room, from, to) =>
        this.#changes.filter(({ position }) => position > from && position <= to),
      event: async (_room, eventId) => this.#events.get(eventId),
    })
  }
}

test('who joins is changed, who leaves the last shared room is left, who renames is neither', async () => {
  const room = new MemberRoom()
  room.change(BOB, 'join', 10)
  room.change(CAROL, 'join', 11)
  room.change(BOB, 'join', 20)
  room.change(CAROL, 'leave', 21)
  const rooms = room.rooms()
  rooms.share(ALICE, BOB)
  await using here = await startEncryption({ rooms })
  const changes = (from: number, to: number) => here.encryption.deviceListChanges.changes(ALICE, from, to)
  assert.deepEqual(await changes(5, 10), { changed: [BOB], left: [] })
  assert.deepEqual(await changes(15, 20), { changed: [], left: [] })
  assert.deepEqual(await changes(20, 25), { changed: [], left: [CAROL] })
  rooms.share(ALICE, CAROL)
  assert.deepEqual(await changes(20, 25), { changed: [], left: [] }, 'another room is still shared')
})

test('joining a room brings its members, leaving it takes those that are nowhere else', async () => {
  const room = new MemberRoom()
  room.change(BOB, 'join', 1)
  room.change(CAROL, 'join', 2)
  room.ownPosition = 50
  const rooms = room.rooms()
  rooms.share(ALICE, BOB)
  rooms.share(ALICE, CAROL)
  await using here = await startEncryption({ rooms })
  const changes = () => here.encryption.deviceListChanges.changes(ALICE, 40, 60)
  assert.deepEqual(await changes(), { changed: [BOB, CAROL], left: [] })
  room.own = 'leave'
  rooms.shared.clear()
  rooms.share(ALICE, BOB)
  assert.deepEqual(await changes(), { changed: [], left: [CAROL] })
})

test('who is only invited was never there to leave, and neither was who refuses an invite', async () => {
  const room = new MemberRoom()
  room.change(BOB, 'invite', 10)
  room.change(CAROL, 'knock', 11)
  room.change(CAROL, 'leave', 12)
  await using here = await startEncryption({ rooms: room.rooms() })
  const changes = (from: number, to: number) => here.encryption.deviceListChanges.changes(ALICE, from, to)
  assert.deepEqual(await changes(5, 20), { changed: [], left: [] })
  room.change(ALICE, 'invite', 30)
  room.change(ALICE, 'leave', 31)
  Object.assign(room, { own: 'leave', ownPosition: 31, ownEvent: '$31' })
  assert.deepEqual(await changes(25, 40), { changed: [], left: [] })
})

test('a name changed in the same stretch hides nobody who left in it', async () => {
  const room = new MemberRoom()
  room.change(ALICE, 'join', 1)
  room.change(BOB, 'join', 2)
  room.change(BOB, 'leave', 50)
  room.change(ALICE, 'join', 51)
  Object.assign(room, { ownPosition: 51, ownEvent: '$51' })
  await using here = await startEncryption({ rooms: room.rooms() })
  assert.deepEqual(await here.encryption.deviceListChanges.changes(ALICE, 40, 60), { changed: [], left: [BOB] })
})

test('GET /keys/changes takes sync tokens and reports own and shared users’ changes', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice', 'A')
  const bob = await here.client('bob', 'B')
  here.rooms.share(alice.userId, bob.userId)
  const from = `s${here.api.positions.current()}`
  await here.client('bob', 'B2')
  await here.client('mallory', 'M')
  const to = `s${here.api.positions.current()}`
  const answer = await here.api.request('GET', CHANGES, { as: alice, query: { from, to } })
  assert.deepEqual(answer.body, { changed: [bob.userId], left: [] })
  expectMatchesSpec('getKeysChanges', answer)
  const since = await here.api.request('GET', CHANGES, { as: alice, query: { from: to, to } })
  assert.deepEqual(since.body, { changed: [], left: [] })
})

test('bad input 16: forged tokens are 400', async () => {
  await using here = await startEncryption()
  const alice = await here.client('alice', 'A')
  for (const query of [{}, { from: 'x' }, { from: 's999999999' }, { from: 's-1' }, { from: 's0', to: "'; --" }]) {
    const answer = await here.api.request('GET', CHANGES, { as: alice, query: query as Record<string, string> })
    assert.equal(answer.status, 400, JSON.stringify(query))
  }
})
