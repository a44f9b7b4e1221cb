import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyRange } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import { RoomServer } from '../../test/room-server.ts'

class CountingStore extends MemoryStore {
  rows = 0

  override get(key: Uint8Array) {
    this.rows++
    return super.get(key)
  }

  override getMany(keys: readonly Uint8Array[]) {
    this.rows += keys.length
    return super.getMany(keys)
  }

  override async *entries(range: KeyRange) {
    for await (const entry of super.entries(range)) {
      this.rows++
      yield entry
    }
  }
}

test('opening reads nothing that grows with events or state', async () => {
  const store = new CountingStore()
  const server = await RoomServer.open('one.test', { store })
  const alice = server.user('alice')
  const roomId = await server.createRoom(alice)
  const rowsToOpen = async () => {
    store.rows = 0
    await RoomServer.open('one.test', { store })
    return store.rows
  }
  const few = await rowsToOpen()
  for (let n = 0; n < 100; n++) {
    await server.message(roomId, alice, `${n}`)
    await server.setState(roomId, alice, 'thing', `${n}`, {})
  }
  assert.equal(await rowsToOpen(), few)
})
