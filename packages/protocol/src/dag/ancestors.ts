import type { EventId } from '../ids/branded.ts'

export interface AncestorWalk {
  /** In the order of the walk, breadth first; the starting events are not among them unless they are ancestors of one another. */
  readonly ids: ReadonlySet<EventId>
  /** True if the limit was reached before the walk was through. */
  readonly truncated: boolean
}

/**
 * Walks from these events to their parents, breadth first, each once, until `limit` ancestors are found. `parentsOf`
 * answers `undefined` for an event that is not here; it still counts as an ancestor.
 */
export function ancestors(
  start: Iterable<EventId>,
  parentsOf: (id: EventId) => readonly EventId[] | undefined,
  limit: number,
): AncestorWalk {
  const ids = new Set<EventId>()
  const queue = [...start]
  for (let at = 0; at < queue.length; at++) {
    for (const parent of parentsOf(queue[at] as EventId) ?? []) {
      if (ids.has(parent)) continue
      if (ids.size >= limit) return { ids, truncated: true }
      ids.add(parent)
      queue.push(parent)
    }
  }
  return { ids, truncated: false }
}
