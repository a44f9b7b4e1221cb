import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../../ports.ts'
import { MemoryStore } from '../../testing/memory-store.ts'
import { ManualClock, RecordingLogger } from '../../testing/test-api.ts'
import { partialPort } from '../../testing/unused-ports.ts'
import { type Pusher, Pushers } from '../pushers.ts'
import type { SendToGateway } from './push-gateway.ts'
import { PushQueue } from './push-queue.ts'
import { PushSender, retryDelayMs } from './push-sender.ts'

const ADA = '@ada:here.test' as UserId
const KEY = [ADA, 'app', 'key'] as const
const ROOM = '!r:here.test' as RoomId

const push = (id: string) => ({ roomId: ROOM, eventId: id as EventId, kind: 'event' as const, tweaks: {} })

/** A node's push parts over a store: again, as after a restart. */
function parts(store: MemoryStore, clock: ManualClock, send: SendToGateway, limit?: number) {
  const pdu = { type: 'm.room.message', sender: '@bob:x', content: { body: 'x' } }
  const reader = partialPort<RoomReader>({
    event: async (_roomId, eventId) =>
      ({ pdu, ...(eventId === '$redacted' && { redactedBecause: pdu }) }) as unknown as RoomEvent,
    stateEvent: async () => undefined,
  })
  const pushers = new Pushers(store, clock)
  const queue = new PushQueue(store, clock, limit)
  const logger = new RecordingLogger()
  const sender = new PushSender({ ...{ store, clock, logger, reader, pushers, queue, send }, unread: async () => 0 })
  return { pushers, queue, sender }
}

const idOf = (body: JsonObject) => (body.notification as { event_id: string }).event_id

test('what a gateway has not taken is handed over after a restart, once', async () => {
  const [store, clock] = [new MemoryStore(), new ManualClock()]
  const tried: string[] = []
  const before = parts(store, clock, async (_url, body) => {
    tried.push(idOf(body))
    return { kind: 'failed', reason: 'timeout' }
  })
  await before.pushers.set(ADA, 'D', { app_id: 'app', pushkey: 'key', data: { url: 'https://x' } } as Pusher, false)
  await store.batch([...(await before.queue.add(KEY, [push('$1'), push('$2')]))])
  before.sender.wake(KEY)
  while (tried.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await before.sender.stop()
  const told: string[] = []
  const after = parts(store, clock, async (_url, body) => {
    told.push(idOf(body))
    return { kind: 'taken', rejected: [] }
  })
  assert.deepEqual(await after.queue.waiting(), [KEY])
  after.sender.wake(KEY)
  await after.sender.idle()
  assert.deepEqual([tried, told], [['$1'], ['$1', '$2']])
  assert.deepEqual(await after.queue.waiting(), [])
})

test('the queue of a pusher is bounded: the oldest are dropped first', async () => {
  const [store, clock] = [new MemoryStore(), new ManualClock()]
  const told: string[] = []
  const send: SendToGateway = async (_url, body) => {
    told.push(idOf(body))
    return { kind: 'taken', rejected: [] }
  }
  const { pushers, queue, sender } = parts(store, clock, send, 3)
  await pushers.set(ADA, 'D', { app_id: 'app', pushkey: 'key', data: { url: 'https://x' } } as Pusher, false)
  await store.batch([...(await queue.add(KEY, ['$1', '$2'].map(push)))])
  await store.batch([...(await queue.add(KEY, ['$3', '$4'].map(push)))])
  await store.batch([...(await queue.add(KEY, ['$5', '$6', '$7', '$8', '$9'].map(push)))])
  sender.wake(KEY)
  await sender.idle()
  assert.deepEqual(told, ['$7', '$8', '$9'])
})

test('what is a day old, redacted meanwhile, or for a pusher that is gone is dropped unsent', async () => {
  const [store, clock] = [new MemoryStore(), new ManualClock()]
  const told: string[] = []
  const send: SendToGateway = async (_url, body) => {
    told.push(idOf(body))
    return { kind: 'taken', rejected: [] }
  }
  const { pushers, queue, sender } = parts(store, clock, send)
  await pushers.set(ADA, 'D', { app_id: 'app', pushkey: 'key', data: { url: 'https://x' } } as Pusher, false)
  const gone = [ADA, 'app', 'gone'] as const
  await store.batch([...(await queue.add(KEY, [push('$old')])), ...(await queue.add(gone, [push('$gone')]))])
  clock.advance(24 * 60 * 60 * 1000 + 1_000)
  await store.batch([...(await queue.add(KEY, [push('$redacted'), push('$new')]))])
  for (const key of [KEY, gone]) sender.wake(key)
  await sender.idle()
  assert.deepEqual(told, ['$new'])
  assert.deepEqual(await queue.waiting(), [])
})

test('waits between tries double up to an hour', () => {
  assert.deepEqual(
    [1, 2, 3, 9, 10, 11, 100].map(retryDelayMs),
    [5_000, 10_000, 20_000, 1_280_000, 2_560_000, 3_600_000, 3_600_000],
  )
})
