import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId, KeyRange, RoomId, UserId } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import { Receipts } from './receipts.ts'

const ROOM = '!room' as RoomId
const OTHER = '!other' as RoomId

class CountingStore extends MemoryStore {
  scans = 0

  override entries(range: KeyRange) {
    this.scans += 1
    return super.entries(range)
  }
}

function setUp() {
  const store = new CountingStore()
  let position = 0
  const positions = {
    allocate: () => ({ position: ++position, done: () => undefined, abandon: () => undefined }),
  }
  const receipts = new Receipts(store, positions)
  const read = (user: string, eventId: string, roomId = ROOM) => {
    const receipt = {
      type: 'm.read',
      userId: user as UserId,
      eventId: eventId as EventId,
      threadId: undefined,
      ts: position,
    }
    return receipts.set(roomId, { ...receipt, type: 'm.read' })
  }
  const since = async (from: number, to: number, roomId = ROOM) =>
    (await receipts.between(roomId, from, to)).map(({ eventId }) => eventId)
  return { store, receipts, read, since }
}

test('where it is known that nothing is newer, the store is not asked; what is set then is found', async () => {
  const { store, read, since } = setUp()
  await read('@a:x', '$1')
  assert.deepEqual(await since(0, 10), ['$1'])
  const { scans } = store
  assert.deepEqual(await since(1, 10), [])
  assert.deepEqual(await since(5, 10), [])
  assert.equal(store.scans, scans)
  assert.deepEqual([await since(0, 10, OTHER), await since(0, 10, OTHER)], [[], []])
  assert.equal(store.scans, scans + 1)
  await read('@b:x', '$2')
  await read('@b:x', '$3', OTHER)
  assert.deepEqual([await since(1, 10), await since(0, 10, OTHER)], [['$2'], ['$3']])
  assert.deepEqual(await since(0, 1), ['$1'], 'nothing beyond the window')
  assert.deepEqual(await since(1, 10), ['$2'], 'though it was seen on the way')
})

test('a look that runs while a receipt is set remembers nothing', async () => {
  const { read, since } = setUp()
  for (let n = 1; n <= 20; n++) {
    const [looked] = await Promise.all([since(n - 1, 100), read('@a:x', `$${n}`), since(n - 1, 100)])
    assert.ok(looked.length <= 1)
    assert.deepEqual(await since(n - 1, 100), [`$${n}`])
  }
})
