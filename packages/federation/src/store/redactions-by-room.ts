import type { BatchOperation, EventId, KeyValueStore } from '@starling/protocol'
import { Table } from './table.ts'
import { tables } from './tables.ts'

/** Bucket and key of version 1: a redaction of any room could take the place of one in the event's own. */
const old = new Table<[EventId], readonly EventId[]>(13, ['text'])

/** Migration to schema version 2: redactions that wait for their event stand under their room. */
export async function redactionsByRoom(store: KeyValueStore): Promise<readonly BatchOperation[]> {
  const operations: BatchOperation[] = []
  for await (const { key, value: redactions } of old.scan(store, [])) {
    const [target] = key
    operations.push(old.del(key))
    const rows = await tables.event.getMany(
      store,
      redactions.map((eventId) => [eventId] as [EventId]),
    )
    const byRoom = Map.groupBy(
      redactions.flatMap((eventId, index) => {
        const room = rows[index]?.room
        return room === undefined ? [] : [{ room, eventId }]
      }),
      ({ room }) => room,
    )
    for (const [room, own] of byRoom) {
      const ids = own.map(({ eventId }) => eventId)
      operations.push(tables.pendingRedaction.put([room, target], ids))
    }
  }
  return operations
}
