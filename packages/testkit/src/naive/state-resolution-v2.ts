import { authChainOf, authDifference, conflictedStateSubgraph } from './auth-chain.ts'
import { authEventsSelection } from './auth-events-selection.ts'
import { naiveAuthorise } from './authorisation-rules.ts'
import { divide } from './conflicts.ts'
import { eventFor, type NaiveEvent, type NaiveEvents, type NaiveState, property, tupleOf } from './event.ts'
import { mainlineOrdering } from './mainline-ordering.ts'
import { powerLevelsIn } from './power-levels.ts'
import { reverseTopologicalPowerOrdering } from './reverse-topological-power-ordering.ts'

/** "Algorithm" of rooms/fragments/v2-state-res.md (versions 2 to 11) and of rooms/v12.md ("State resolution"), steps 1 to 5. */
export function resolveV2(
  states: readonly NaiveState[],
  events: NaiveEvents,
  roomVersion: string,
  rejected: ReadonlySet<string>,
): NaiveState {
  const version = Number(roomVersion)
  const { unconflicted, conflicted } = divide(states)
  const full = new Set([
    ...conflicted,
    ...authDifference(states, events),
    ...(version >= 12 ? conflictedStateSubgraph(conflicted, events) : []),
  ])

  // 1
  const chosen = new Set([...full].filter(isPowerEvent))
  for (const powerEvent of [...chosen]) {
    for (const event of authChainOf(powerEvent, events)) if (full.has(event)) chosen.add(event)
  }
  const powerList = reverseTopologicalPowerOrdering(chosen, events, version)
  // 2
  const start: NaiveState = version >= 12 ? new Map() : unconflicted
  const partial = iterativeAuthChecks(start, powerList, events, roomVersion, rejected)
  // 3
  const remaining = [...full].filter((event) => !chosen.has(event))
  const remainingList = mainlineOrdering(remaining, powerLevelsIn(partial), events)
  // 4
  const resolved = iterativeAuthChecks(partial, remainingList, events, roomVersion, rejected)
  // 5
  return new Map([...resolved, ...unconflicted])
}

/** "Power events". */
function isPowerEvent(event: NaiveEvent): boolean {
  if (event.stateKey === undefined) return false
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return true
  const membership = property(event.content, 'membership')
  const removes = membership === 'leave' || membership === 'ban'
  return event.type === 'm.room.member' && removes && event.sender !== event.stateKey
}

/** "Iterative auth checks": of the event's auth events, those are looked at whose tuple its authorisation needs and the state lacks. */
function iterativeAuthChecks(
  initial: NaiveState,
  list: readonly NaiveEvent[],
  events: NaiveEvents,
  roomVersion: string,
  rejected: ReadonlySet<string>,
): NaiveState {
  let state = initial
  for (const event of list) {
    const required = authEventsSelection(event, Number(roomVersion))
    const known = new Map(state)
    for (const authEvent of event.authEvents.map((id) => eventFor(id, events))) {
      const key = tupleOf(authEvent)
      if (required.has(key) && !known.has(key) && !rejected.has(authEvent.eventId)) known.set(key, authEvent)
    }
    const { allowed } = naiveAuthorise(event, known, roomVersion, events, rejected)
    if (allowed) state = new Map([...state, [tupleOf(event), event]])
  }
  return state
}
