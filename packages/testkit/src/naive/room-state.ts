import { naiveAuthorise } from './authorisation-rules.ts'
import { eventFor, type NaiveEvent, type NaiveEvents, type NaiveState, stateOf, tupleOf } from './event.ts'
import { naiveResolve } from './resolve.ts'
import type { NaiveVerdict } from './rule-input.ts'

export interface NaiveOutcome {
  /** Check 4: by the state that its auth events make. */
  readonly byAuthEvents: NaiveVerdict
  /** Check 5: by the state before it. */
  readonly byStateBefore: NaiveVerdict
  readonly rejected: boolean
  readonly stateBefore: NaiveState
  readonly stateAfter: NaiveState
}

export interface NaiveRoom {
  /** Event id → what became of it. */
  readonly outcomes: ReadonlyMap<string, NaiveOutcome>
  readonly rejected: ReadonlySet<string>
}

/**
 * Server-server API, "Checks performed on receipt of a PDU", points 4 and 5, for a whole set of PDUs at once, and the state around
 * each of them ("State resolution" of the room version: S(E) and S′(E)). Points 1 to 3 (format, signatures, hashes) are assumed to
 * be passed. Every previous and auth event has to be in the set; the order of the set does not matter.
 *
 * Point 6 (soft failure) is by the current state of a server at a moment, so it has no answer for a set of events: see
 * `naiveSoftFails`.
 */
export function naiveRoomState(set: Iterable<NaiveEvent>, roomVersion: string): NaiveRoom {
  const events: NaiveEvents = new Map([...set].map((event) => [event.eventId, event]))
  const outcomes = new Map<string, NaiveOutcome>()
  const rejected = new Set<string>()

  const visit = (event: NaiveEvent): NaiveOutcome => {
    const known = outcomes.get(event.eventId)
    if (known) return known
    for (const id of event.authEvents) visit(eventFor(id, events))
    const states = event.prevEvents.map((id) => visit(eventFor(id, events)).stateAfter)

    const authState = stateOf(
      event.authEvents.map((id) => eventFor(id, events)).filter((one) => one.stateKey !== undefined),
    )
    const stateBefore = naiveResolve(states, events, roomVersion, rejected)
    const byAuthEvents = naiveAuthorise(event, authState, roomVersion, events, rejected)
    const byStateBefore = naiveAuthorise(event, stateBefore, roomVersion, events, rejected)
    const isRejected = !byAuthEvents.allowed || !byStateBefore.allowed
    if (isRejected) rejected.add(event.eventId)
    const changes = event.stateKey !== undefined && !isRejected
    const stateAfter = changes ? new Map([...stateBefore, [tupleOf(event), event]]) : stateBefore
    const outcome = { byAuthEvents, byStateBefore, rejected: isRejected, stateBefore, stateAfter }
    outcomes.set(event.eventId, outcome)
    return outcome
  }
  for (const event of events.values()) visit(event)
  return { outcomes, rejected }
}

/** The events that no accepted event names as previous: where a server that soft-failed nothing would go on. */
export function naiveForwardExtremities(set: Iterable<NaiveEvent>, room: NaiveRoom): ReadonlySet<string> {
  const accepted = [...set].filter((event) => !room.rejected.has(event.eventId))
  const named = new Set(accepted.flatMap((event) => event.prevEvents))
  return new Set(accepted.map((event) => event.eventId).filter((id) => !named.has(id)))
}

/** The resolution of the states after the given events: the current state of a room with those forward extremities. */
export function naiveStateAt(
  ids: Iterable<string>,
  set: Iterable<NaiveEvent>,
  room: NaiveRoom,
  roomVersion: string,
): NaiveState {
  const events: NaiveEvents = new Map([...set].map((event) => [event.eventId, event]))
  const states = [...ids].flatMap((id) => room.outcomes.get(id)?.stateAfter ?? [])
  return naiveResolve(states, events, roomVersion, room.rejected)
}
