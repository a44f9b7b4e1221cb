import type { BatchOperation, EventId, KeyValueStore } from '@starling/protocol'
import { type EventRow, type HeadRow, type RoomNumber, tables } from './tables.ts'

/** Dead leaves taken over per room: the deepest. */
const MAX_DEAD = 100

interface Node {
  readonly parents: readonly EventId[]
  readonly depth: number
  /** From before what was stored when it came: never an extremity. */
  readonly isHistory: boolean
}

/**
 * Migration to schema version 3: how many events stand on each, and which leaves of a room's DAG are no extremities because they were
 * soft-failed. The extremities stay what they are; the next event of the room settles them anew. Holds one room's ids in memory.
 */
export async function countChildren(store: KeyValueStore): Promise<readonly BatchOperation[]> {
  const operations: BatchOperation[] = []
  for await (const { key, value } of tables.head.scan(store, [])) {
    operations.push(...childrenOf(key[0], value, await graphOf(store, key[0])))
  }
  return operations
}

async function graphOf(store: KeyValueStore, room: RoomNumber): Promise<ReadonlyMap<EventId, Node>> {
  const rejected = new Map<EventId, readonly EventId[]>()
  const graph = new Map<EventId, Node>()
  for await (const { key } of tables.roomEvent.scan(store, [room])) {
    const row = await tables.event.get(store, key[1])
    if (row?.after === undefined) continue
    const parents = row.pdu.prev_events.map((one) => (typeof one === 'string' ? one : one[0]) as EventId)
    if (row.status === 'rejected') rejected.set(key[1], parents)
    else graph.set(key[1], { parents, depth: row.pdu.depth, isHistory: isHistory(row) })
  }
  // A rejected event counts for nothing: what stands on it stands on what it stands on.
  return new Map([...graph].map(([eventId, node]) => [eventId, { ...node, parents: through(node.parents, rejected) }]))
}

function isHistory({ order }: EventRow): boolean {
  return order !== undefined && order < 0
}

function through(parents: readonly EventId[], rejected: ReadonlyMap<EventId, readonly EventId[]>): readonly EventId[] {
  const found = new Set<EventId>(parents)
  for (const eventId of found) for (const before of rejected.get(eventId) ?? []) found.add(before)
  return [...found]
}

function childrenOf(room: RoomNumber, head: HeadRow, graph: ReadonlyMap<EventId, Node>): BatchOperation[] {
  const children = new Map<EventId, number>()
  for (const { parents } of graph.values()) {
    for (const eventId of parents) children.set(eventId, (children.get(eventId) ?? 0) + 1)
  }
  const operations: BatchOperation[] = []
  for (const [eventId, count] of children) {
    const node = graph.get(eventId)
    const further = node && !node.isHistory ? count - 1 : count
    if (further > 0) operations.push(tables.furtherChildren.put([room, eventId], further))
  }
  const extremities = new Set(head.extremities)
  const dead = [...graph]
    .filter(([eventId, { isHistory: old }]) => !old && !children.has(eventId) && !extremities.has(eventId))
    .sort(([, a], [, b]) => a.depth - b.depth)
    .map(([eventId]) => eventId)
    .slice(-MAX_DEAD)
  const exposed = head.extremities.filter((eventId) => children.has(eventId))
  if (dead.length + exposed.length > 0) operations.push(tables.head.put([room], { ...head, dead, exposed }))
  return operations
}
