import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { RoomEvent, RoomMembership } from '../ports.ts'
import { RemoteProfiles } from './remote-profiles.ts'

const alice = '@alice:here' as UserId
const bob = '@bob:elsewhere' as UserId
const roomId = '!room' as RoomId

/** Bob's server, the one room that both are in, and the clocks of this node. */
function world() {
  const state = { answer: { displayname: 'Bob' } as JsonObject | undefined, asked: 0, now: 0, position: 5, order: 3 }
  const member = (): RoomEvent =>
    ({
      order: state.order,
      pdu: { content: { membership: 'join', displayname: 'Bob in the room' } },
    }) as unknown as RoomEvent
  const profiles = new RemoteProfiles({
    remote: {
      profile: async () => {
        state.asked += 1
        if (!state.answer) throw new Error('unreachable')
        return state.answer
      },
    },
    reader: {
      roomsOf: async () => [{ roomId, membership: 'join' } as RoomMembership],
      stateEvent: async () => member(),
    },
    positions: { current: () => state.position },
    clock: { now: () => state.now },
  })
  return { state, get: () => profiles.get(bob, alice) }
}

test('a profile is asked for once a minute', async () => {
  const { state, get } = world()
  assert.deepEqual([await get(), await get()], [{ displayname: 'Bob' }, { displayname: 'Bob' }])
  assert.equal(state.asked, 1)
  state.now = 60_000
  await get()
  assert.equal(state.asked, 2)
})

test('a member event that came since is news of the profile: it is asked for again', async () => {
  const { state, get } = world()
  await get()
  state.answer = { displayname: 'Robert' }
  state.position = state.order = 6
  assert.deepEqual(await get(), { displayname: 'Robert' })
  assert.deepEqual(await get(), { displayname: 'Robert' })
  assert.equal(state.asked, 2)
})

test('while the server is away, the last known profile holds, or the one of a common room', async () => {
  const { state, get } = world()
  state.answer = undefined
  assert.deepEqual(await get(), { displayname: 'Bob in the room' })
  state.answer = { displayname: 'Bob' }
  await get()
  state.answer = undefined
  state.now = 60_000
  assert.deepEqual(await get(), { displayname: 'Bob' })
})
