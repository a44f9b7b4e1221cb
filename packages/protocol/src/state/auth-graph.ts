import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { EventSource } from './event-source.ts'

/**
 * A part of a room's auth graph, closed under `auth_events`. Events are numbered so that auth events come before what they
 * authorise: one loop upwards or downwards over the numbers answers any question of reachability, in linear time.
 */
export interface AuthGraph {
  readonly ids: readonly EventId[]
  /** Undefined for events that are named but not here. */
  readonly events: readonly (Pdu | undefined)[]
  /**
   * Numbers of the auth events of all events, one after the other: those of event n, all smaller than n, stand from `authStart[n]` to
   * before `authStart[n + 1]`. In one array, as a small one per event would be most of what a resolution leaves to collect.
   */
  readonly auths: Int32Array
  readonly authStart: Int32Array
  numberOf(id: EventId): number | undefined
}

/**
 * The auth chains of these events, themselves included, each event visited once whatever the number of paths to it
 * (CVE-2024-31208). A cycle, possible only where ids are no hashes, loses the edge that closes it.
 */
export function authGraphOf(start: Iterable<EventId>, source: EventSource): AuthGraph {
  // Places are given when an event is met, numbers once all of its auth events have theirs. Ids are looked up once per edge:
  // in large graphs that is most of the work.
  const placeOf = new Map<EventId, number>()
  const idAt: EventId[] = []
  const eventAt: (Pdu | undefined)[] = []
  // Where the places of an event's auth events begin in `edges`, and how many of them were looked at.
  const firstEdge: number[] = []
  const seen: number[] = []
  const edges: number[] = []
  const enter = (id: EventId): number => {
    const place = idAt.push(id) - 1
    placeOf.set(id, place)
    const event = source.event(id)
    eventAt.push(event)
    firstEdge.push(edges.length)
    seen.push(0)
    for (let count = event?.authEvents.length ?? 0; count > 0; count--) edges.push(0)
    return place
  }
  const inOrder: number[] = []
  // Depth first without recursion.
  const stack: number[] = []
  for (const id of start) {
    if (!placeOf.has(id)) stack.push(enter(id))
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const edge = seen[top] as number
      const next = eventAt[top]?.authEvents[edge]
      if (next === undefined) {
        stack.pop()
        inOrder.push(top)
        continue
      }
      const known = placeOf.get(next)
      seen[top] = edge + 1
      edges[(firstEdge[top] as number) + edge] = known ?? enter(next)
      if (known === undefined) stack.push(idAt.length - 1)
    }
  }
  firstEdge.push(edges.length)
  const numbers = new Int32Array(inOrder.length)
  inOrder.forEach((place, number) => {
    numbers[place] = number
  })
  return {
    ids: inOrder.map((place) => idAt[place] as EventId),
    numberOf(id) {
      const place = placeOf.get(id)
      return place === undefined ? undefined : numbers[place]
    },
    events: inOrder.map((place) => eventAt[place]),
    ...numbered(inOrder, numbers, firstEdge, edges),
  }
}

/** The edges by number, without those that close a cycle. */
function numbered(
  inOrder: readonly number[],
  numbers: Int32Array,
  firstEdge: readonly number[],
  edges: readonly number[],
): Pick<AuthGraph, 'auths' | 'authStart'> {
  const auths = new Int32Array(edges.length)
  const authStart = new Int32Array(inOrder.length + 1)
  let count = 0
  for (const [number, place] of inOrder.entries()) {
    // The edges of a place end where those of the next place begin.
    for (let edge = firstEdge[place] as number; edge < (firstEdge[place + 1] as number); edge++) {
      const auth = numbers[edges[edge] as number] as number
      if (auth < number) auths[count++] = auth
    }
    authStart[number + 1] = count
  }
  return { auths, authStart }
}

/** Numbers of these events of the graph; the others are left out. */
export function numbersIn(graph: AuthGraph, ids: Iterable<EventId>): number[] {
  const numbers: number[] = []
  for (const id of ids) {
    const number = graph.numberOf(id)
    if (number !== undefined) numbers.push(number)
  }
  return numbers
}
