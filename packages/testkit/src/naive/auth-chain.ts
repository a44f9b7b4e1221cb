import { eventFor, type NaiveEvent, type NaiveEvents, type NaiveState } from './event.ts'

/** "Auth chain": an event's auth events, all of their auth events, and so on recursively. The event itself is not in it. */
export function authChainOf(
  event: NaiveEvent,
  events: NaiveEvents,
  visited: Set<NaiveEvent> = new Set(),
): ReadonlySet<NaiveEvent> {
  for (const id of event.authEvents) {
    const authEvent = eventFor(id, events)
    if (visited.has(authEvent)) continue
    visited.add(authEvent)
    authChainOf(authEvent, events, visited)
  }
  return visited
}

/** The union of the auth chains of every event in a state. */
export function fullAuthChainOf(state: NaiveState, events: NaiveEvents): ReadonlySet<NaiveEvent> {
  return new Set([...state.values()].flatMap((event) => [...authChainOf(event, events)]))
}

/** "Auth difference": every event that is in some full auth chain, but not in all of them. */
export function authDifference(states: readonly NaiveState[], events: NaiveEvents): ReadonlySet<NaiveEvent> {
  const chains = states.map((state) => fullAuthChainOf(state, events))
  const inSome = chains.flatMap((chain) => [...chain])
  return new Set(inSome.filter((event) => !chains.every((chain) => chain.has(event))))
}

/**
 * "Conflicted state subgraph" (version 12): every event on a path along `auth_events` from one event of the conflicted state set to
 * another, ends included.
 */
export function conflictedStateSubgraph(
  conflicted: ReadonlySet<NaiveEvent>,
  events: NaiveEvents,
): ReadonlySet<NaiveEvent> {
  const subgraph = new Set<NaiveEvent>()
  for (const start of conflicted) {
    const reachable = authChainOf(start, events)
    for (const end of conflicted) {
      if (!reachable.has(end)) continue
      subgraph.add(start)
      subgraph.add(end)
      for (const between of reachable) if (authChainOf(between, events).has(end)) subgraph.add(between)
    }
  }
  return subgraph
}
