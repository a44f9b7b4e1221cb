import { naiveAuthorise } from './authorisation-rules.ts'
import type { NaiveEvent, NaiveEvents, NaiveState } from './event.ts'

/** Server-server API, "Soft failure": an accepted event that the room's current state would not allow. */
export function naiveSoftFails(
  event: NaiveEvent,
  currentState: NaiveState,
  roomVersion: string,
  events: NaiveEvents,
  rejected: ReadonlySet<string>,
): boolean {
  return !naiveAuthorise(event, currentState, roomVersion, events, rejected).allowed
}
