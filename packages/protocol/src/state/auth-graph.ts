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
  const ids: EventId[] = []
  const numberOf = new Map<EventId, number>()
  const authOf: number[][] = []
  const entered = new Set<EventId>()
  // Depth first without recursion: an event gets its number once all of its auth events have theirs.
  const stack: { readonly id: EventId; readonly auth: readonly EventId[]; next: number }[] = []
  const enter = (id: EventId): void => {
    entered.add(id)
    stack.push({ id, auth: authEventsIn(source, id), next: 0 })
  }
  for (const id of start) {
    if (entered.has(id)) continue
    enter(id)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const auth = top.auth[top.next++]
      if (auth !== undefined) {
        if (!entered.has(auth)) enter(auth)
        continue
      }
      stack.pop()
      numberOf.set(top.id, ids.length)
      ids.push(top.id)
      authOf.push(top.auth.flatMap((parent) => numberOf.get(parent) ?? []))
    }
  }
  return { ids, numberOf, authOf }
}
