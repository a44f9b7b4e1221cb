import type { EventId } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { Bucket } from '../store/buckets.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { decodeKey, encodeKey } from '../store/key-encoding.ts'
import { tables } from '../store/tables.ts'

/**
 * Counts anew how many events stand on each, by which events are rejected now: see `extremities.ts`.
 *
 * @returns the leaves of the DAG, without history whose state is a guess
 */
export async function recountChildren(
  graph: ReadonlyMap<EventId, StoredEvent>,
  transaction: RoomTransaction,
): Promise<readonly EventId[]> {
  const children = new Map<EventId, number>()
  for (const event of graph.values()) {
    if (event.status === 'rejected') continue
    for (const eventId of standsOn(event, graph)) children.set(eventId, (children.get(eventId) ?? 0) + 1)
  }
  const further = new Map<EventId, number>()
  for (const [eventId, count] of children) {
    const parent = graph.get(eventId)
    const known = parent && parent.status !== 'rejected' ? count - 1 : count
    if (known > 0) further.set(eventId, known)
  }
  const head = transaction.requireHead()
  transaction.head = { ...head, forks: head.forks + 1 }
  const rows = await transaction.valuesUnder(encodeKey(Bucket.furtherChildren, [head.number]))
  for (const key of rows.keys()) {
    const eventId = decodeKey(Buffer.from(key, 'latin1'), ['int', 'text'])[1] as EventId
    if (!further.has(eventId)) transaction.write(tables.furtherChildren.del([head.number, eventId]))
  }
  for (const [eventId, count] of further) transaction.write(tables.furtherChildren.put([head.number, eventId], count))
  return [...graph].flatMap(([eventId, { status, approximate }]) =>
    status === 'rejected' || approximate || children.has(eventId) ? [] : [eventId],
  )
}

/** Parents, and what rejected parents stand on: as `graphParents` says, over a graph that is at hand. */
function standsOn({ pdu }: StoredEvent, graph: ReadonlyMap<EventId, StoredEvent>): ReadonlySet<EventId> {
  const found = new Set<EventId>(pdu.prevEvents)
  const rejected = (eventId: EventId) => graph.get(eventId)?.status === 'rejected'
  const open = pdu.prevEvents.filter(rejected)
  const seen = new Set<EventId>(open)
  for (let eventId = open.pop(); eventId !== undefined; eventId = open.pop()) {
    for (const parentId of graph.get(eventId)?.pdu.prevEvents ?? []) {
      if (!graph.has(parentId) || seen.has(parentId)) continue
      seen.add(parentId)
      if (rejected(parentId)) open.push(parentId)
      else found.add(parentId)
    }
  }
  return found
}
