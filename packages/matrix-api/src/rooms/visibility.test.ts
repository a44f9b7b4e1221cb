import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, UserId } from '@starling/protocol'
import { carry, type FakeKeyDirectory, joinFromAway, LocalRooms } from '@starling/testkit'
import { MemoryStore } from '../testing/memory-store.ts'
import { roomAccess } from './access.ts'
import { startRoomServer } from './testing/room-server.ts'
import { Visibility } from './visibility.ts'

const DAVE = '@dave:away.test' as UserId

/** A room of `alice` at home with `dave` on another server, whose events arrive when the test says so. */
async function room(historyVisibility: string) {
  const keys: FakeKeyDirectory = new Map()
  const server = await startRoomServer({ keys })
  const store = new MemoryStore()
  const away = await LocalRooms.start({ serverName: 'away.test', store, clock: server.clock, keys, seed: 2 })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await server.createRoom(alice, {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: historyVisibility } }],
  })
  await joinFromAway(server.rooms, away, roomId, DAVE)
  const { reader } = server.rooms
  const saysAway = (body: string) => away.send({ roomId, sender: DAVE, type: 'm.room.message', content: { body } })
  const sees = async (user: UserId, eventId: EventId) => {
    const event = await reader.event(roomId, eventId)
    assert.ok(event, 'the event is there')
    return new Visibility(reader, roomId, user, await roomAccess(reader, roomId, user)).canSee(event)
  }
  return { server, away, alice, bob, roomId, saysAway, sees }
}

test('an event from a branch in which the user was not joined stays hidden, though it arrives after their joining', async () => {
  const { server, away, alice, bob, roomId, saysAway, sees } = await room('joined')
  await using _ = server
  const early = await saysAway('before bob came')
  await server.join(bob, roomId)
  assert.deepEqual(await carry(away, server.rooms, [early]), ['accepted'])
  assert.equal(await sees(alice.userId, early), true)
  assert.equal(await sees(bob.userId, early), false)
  const late = await server.say(alice, roomId, 'after')
  assert.equal(await sees(bob.userId, late as EventId), true)
  await away.stop()
})

test('the twin: with shared history the same event is seen', async () => {
  const { server, away, bob, roomId, saysAway, sees } = await room('shared')
  await using _ = server
  const early = await saysAway('before bob came')
  await server.join(bob, roomId)
  await carry(away, server.rooms, [early])
  assert.equal(await sees(bob.userId, early), true)
  await away.stop()
})

test('after leaving, nothing more is seen, whatever the history setting but world_readable', async () => {
  for (const [setting, expected] of [
    ['shared', false],
    ['joined', false],
    ['world_readable', true],
  ] as const) {
    const { server, away, bob, alice, roomId, saysAway, sees } = await room(setting)
    await using _ = server
    await server.join(bob, roomId)
    const during = await server.say(alice, roomId, 'during')
    await server.rooms.changeMembership({ roomId, sender: bob.userId, target: bob.userId, membership: 'leave' })
    const branch = await saysAway('a branch from before bob left')
    await carry(away, server.rooms, [branch])
    const later = await server.say(alice, roomId, 'after')
    assert.equal(await sees(bob.userId, during as EventId), true, setting)
    assert.equal(await sees(bob.userId, later as EventId), expected, setting)
    await away.stop()
  }
})
