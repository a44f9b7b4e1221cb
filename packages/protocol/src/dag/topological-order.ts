import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { PriorityQueue } from './priority-queue.ts'

/**
 * Kahn's algorithm over the parents that are in `nodes`: parents before children, and among what could come next the least
 * by `compare` first. With a total `compare` the outcome does not depend on the order of `nodes`. What is on or behind a
 * cycle (possible only where ids are no hashes) is left out. O((n + edges) log n).
 */
export function kahnOrder<Node>(
  nodes: ReadonlyMap<EventId, Node>,
  parentsOf: (node: Node) => readonly EventId[],
  compare: (a: Node, b: Node) => number,
): Node[] {
  const waitingFor = new Map<EventId, number>()
  const children = new Map<EventId, EventId[]>()
  const ready = new PriorityQueue<readonly [EventId, Node]>((a, b) => compare(a[1], b[1]))
  for (const [id, node] of nodes) {
    const parents = new Set(parentsOf(node).filter((parent) => nodes.has(parent)))
    for (const parent of parents) {
      const siblings = children.get(parent)
      if (siblings) siblings.push(id)
      else children.set(parent, [id])
    }
    waitingFor.set(id, parents.size)
    if (parents.size === 0) ready.push([id, node])
  }
  const order: Node[] = []
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    order.push(next[1])
    for (const child of children.get(next[0]) ?? []) {
      const left = (waitingFor.get(child) ?? 0) - 1
      waitingFor.set(child, left)
      if (left === 0) ready.push([child, nodes.get(child) as Node])
    }
  }
  return order
}

/**
 * Events in an order in which each comes after its `prev_events` (those among them), ties by `origin_server_ts`, then by id. Depth
 * has no say: it is whatever its author wrote.
 */
export function topologicalOrder(events: Iterable<Pdu>): Pdu[] {
  return kahnOrder(new Map([...events].map((event) => [event.eventId, event])), (event) => event.prevEvents, byAge)
}

/** As {@link topologicalOrder}, along `auth_events`: for taking in auth chains. */
export function authOrder(events: Iterable<Pdu>): Pdu[] {
  return kahnOrder(new Map([...events].map((event) => [event.eventId, event])), (event) => event.authEvents, byAge)
}

/** As {@link topologicalOrder}, along `prev_events` and `auth_events`: whatever an event's verdict rests on comes before it. */
export function ancestralOrder(events: Iterable<Pdu>): Pdu[] {
  const parentsOf = ({ prevEvents, authEvents }: Pdu) => [...prevEvents, ...authEvents]
  return kahnOrder(new Map([...events].map((event) => [event.eventId, event])), parentsOf, byAge)
}

/** Older first by what their authors claim, then by id: total, and the same everywhere. */
export function byAge(a: Pdu, b: Pdu): number {
  return a.originServerTs - b.originServerTs || compareIds(a.eventId, b.eventId)
}

export function compareIds(a: EventId, b: EventId): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
