import type { NaiveEvents, NaiveState } from './event.ts'
import { resolveV1 } from './state-resolution-v1.ts'
import { resolveV2 } from './state-resolution-v2.ts'

/**
 * The resolution of a set of states in a room of the version. `events` holds every event that the states and their auth chains
 * name. `rejected`: ids of rejected events, which are not used as auth events.
 */
export function naiveResolve(
  states: readonly NaiveState[],
  events: NaiveEvents,
  roomVersion: string,
  rejected: ReadonlySet<string> = new Set(),
): NaiveState {
  return roomVersion === '1'
    ? resolveV1(states, events, roomVersion, rejected)
    : resolveV2(states, events, roomVersion, rejected)
}
