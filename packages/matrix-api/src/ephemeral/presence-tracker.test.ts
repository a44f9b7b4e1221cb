import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { UserId } from '@starling/protocol'
import { RecordingLogger } from '../testing/test-api.ts'
import { PresenceTracker } from './presence-tracker.ts'

const USER = '@alice:here.test' as UserId
const device = (deviceId: string) => ({ userId: USER, deviceId, sessionId: deviceId })

function tracker(t: { after(work: () => void): void }) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  t.after(() => mock.timers.reset())
  const told: string[] = []
  const ephemeral = {
    setPresence: async (_user: UserId, presence: string) => void told.push(presence),
    presence: async () => undefined,
  }
  const presence = new PresenceTracker({ ephemeral, clock: { now: () => Date.now() }, logger: new RecordingLogger() })
  return { presence, told }
}

/** Lets promises that a timer began come to their end. */
const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

test('a user is online while one of their devices syncs, and offline a while after the last', async (t) => {
  const { presence, told } = tracker(t)
  const endFirst = await presence.syncing(device('A'), 'online')
  const endSecond = await presence.syncing(device('B'), 'unavailable')
  endFirst()
  mock.timers.tick(10_000)
  ;(await presence.syncing(device('A'), 'online'))()
  assert.deepEqual(told, ['online'])
  mock.timers.tick(31_000)
  await settle()
  assert.deepEqual(told, ['online', 'unavailable'])
  endSecond()
  mock.timers.tick(31_000)
  await settle()
  assert.deepEqual(told, ['online', 'unavailable', 'offline'])
})

test('a device that hides tells nobody anything', async (t) => {
  const { presence, told } = tracker(t)
  ;(await presence.syncing(device('A'), 'offline'))()
  mock.timers.tick(31_000)
  await settle()
  assert.deepEqual(told, [])
})
