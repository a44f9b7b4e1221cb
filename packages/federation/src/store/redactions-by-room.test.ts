import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventId } from '@starling/protocol'
import { MemoryStore } from '@starling/testkit'
import { RoomServer } from '../../test/room-server.ts'
import { migrate } from './schema.ts'
import { Table } from './table.ts'
import { type EventRow, tables } from './tables.ts'

test('redactions that wait for their event, as version 1 stored them, come under the room of each', async () => {
  const store = new MemoryStore()
  const old = new Table<[EventId], readonly EventId[]>(13, ['text'])
  const server = await RoomServer.open('one.test')
  const alice = server.user('alice')
  const rooms = await Promise.all([server.createRoom(alice), server.createRoom(alice)])
  const rows: EventRow[] = []
  const ids: EventId[] = []
  for (const roomId of rooms) {
    const eventId = await server.message(roomId, alice, 'stands for a redaction')
    ids.push(eventId)
    rows.push((await tables.event.get(server.store, eventId)) ?? assert.fail())
  }
  const target = '$target' as EventId
  await migrate(store, 1, [])
  await store.batch([
    old.put([target], [...ids, '$gone' as EventId]),
    ...rows.map((row, index) => tables.event.put([ids[index] ?? assert.fail()], row)),
  ])
  await migrate(store)
  for (const [index, { room }] of rows.entries()) {
    assert.deepEqual(await tables.pendingRedaction.get(store, room, target), [ids[index]])
  }
  assert.equal(await old.get(store, target), undefined)
})
