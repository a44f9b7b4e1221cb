import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { EventSource } from './event-source.ts'

/**
 * A part of a room's auth graph, closed under `auth_events`. Events are numbered so that auth events come before what they
 * authorise: one loop upwards or downwards over the numbers answers any question of reachability, in linear time.
 */
export interface AuthGraph {
  readonly ids: readonly EventId[]
  readonly numberOf: ReadonlyMap<EventId, number>
  /** Undefined for events that are named but not here. */
  readonly events: readonly (Pdu | undefined)[]
  /** Number of an event → numbers of its auth events, all of them smaller. */
  readonly authOf: readonly (readonly number[])[]
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
  const authAt: number[][] = []
  const enter = (id: EventId): number => {
    const place = idAt.push(id) - 1
    placeOf.set(id, place)
    eventAt.push(source.event(id))
    authAt.push([])
    return place
  }
  const inOrder: number[] = []
  // Depth first without recursion. How far an event is: as many auth events are in `authAt` as were looked at.
  const stack: number[] = []
  for (const id of start) {
    if (!placeOf.has(id)) stack.push(enter(id))
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const auth = authAt[top] as number[]
      const next = eventAt[top]?.authEvents[auth.length]
      if (next === undefined) {
        stack.pop()
        inOrder.push(top)
        continue
      }
      const known = placeOf.get(next)
      auth.push(known ?? enter(next))
      if (known === undefined) stack.push(idAt.length - 1)
    }
  }
  const numbers = new Int32Array(inOrder.length)
  inOrder.forEach((place, number) => {
    numbers[place] = number
  })
  for (const [place, id] of idAt.entries()) placeOf.set(id, numbers[place] as number)
  return {
    ids: inOrder.map((place) => idAt[place] as EventId),
    numberOf: placeOf,
    events: inOrder.map((place) => eventAt[place]),
    authOf: inOrder.map((place, number) => smaller(authAt[place] ?? [], numbers, number)),
  }
}

/** Numbers of the events at these places, without the edge that closes a cycle. */
function smaller(places: readonly number[], numbers: Int32Array, than: number): readonly number[] {
  const found: number[] = []
  for (const place of places) {
    const number = numbers[place] as number
    if (number < than) found.push(number)
  }
  return found
}
