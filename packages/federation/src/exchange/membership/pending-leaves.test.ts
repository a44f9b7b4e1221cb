import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, ServerName, UserId } from '@starling/protocol'
import { MemoryStore, TestClock } from '@starling/testkit'
import { PendingLeaves } from './pending-leaves.ts'

const leave = (index: number) => ({
  roomId: `!${index}:a` as RoomId,
  userId: '@u:b' as UserId,
  servers: ['a' as ServerName],
})

test('pending leaves outlive a restart, and go one by one', async () => {
  const store = new MemoryStore()
  const clock = new TestClock()
  await new PendingLeaves(store, clock).add(leave(1))
  await new PendingLeaves(store, clock).add(leave(2))
  const reopened = new PendingLeaves(store.clone(), clock)
  assert.deepEqual([...(await reopened.servers())], ['a'])
  await reopened.remove('@u:b' as UserId, leave(1).roomId)
  assert.deepEqual(
    (await reopened.all()).map(({ roomId }) => roomId),
    [leave(2).roomId],
  )
})

test('they are bounded, the oldest dropped first, and end after three months', async () => {
  const clock = new TestClock()
  const leaves = new PendingLeaves(new MemoryStore(), clock)
  for (let index = 0; index < 505; index++) {
    await leaves.add(leave(index))
    clock.advance(1)
  }
  const rooms = (await leaves.all()).map(({ roomId }) => roomId)
  assert.equal(rooms.length, 500)
  assert.equal(rooms.includes(leave(0).roomId), false)
  assert.ok(rooms.includes(leave(504).roomId))
  clock.advance(91 * 24 * 3_600_000)
  assert.deepEqual(await leaves.all(), [])
})
