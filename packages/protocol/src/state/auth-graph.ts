import type { EventId } from '../ids/branded.ts'
import { authEventsIn, type EventSource } from './event-source.ts'

/**
 * A part of a room's auth graph, closed under `auth_events`. Events are numbered so that auth events come before what they
 * authorise: one loop upwards or downwards over the numbers answers any question of reachability, in linear time.
 */
export interface AuthGraph {
  readonly ids: readonly EventId[]
  readonly numberOf: ReadonlyMap<EventId, number>
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
  const authIdsAt: (readonly EventId[])[] = []
  const authAt: number[][] = []
  const enter = (id: EventId): number => {
    const place = idAt.push(id) - 1
    placeOf.set(id, place)
    authIdsAt.push(authEventsIn(source, id))
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
      const next = authIdsAt[top]?.[auth.length]
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
  return numbered(inOrder, idAt, authAt, placeOf)
}

function numbered(
  inOrder: readonly number[],
  idAt: readonly EventId[],
  authAt: readonly (readonly number[])[],
  numberOf: Map<EventId, number>,
): AuthGraph {
  const numbers = new Int32Array(inOrder.length)
  inOrder.forEach((place, number) => {
    numbers[place] = number
  })
  const ids = inOrder.map((place) => idAt[place] as EventId)
  const authOf = inOrder.map((place, number) => {
    const auth = (authAt[place] ?? []).map((other) => numbers[other] as number)
    return auth.every((other) => other < number) ? auth : auth.filter((other) => other < number)
  })
  ids.forEach((id, number) => {
    numberOf.set(id, number)
  })
  return { ids, numberOf, authOf }
}
