import { naiveAuthorise } from './authorisation-rules.ts'
import { eventFor, type NaiveEvent, type NaiveEvents, type NaiveState, stateOf, tupleOf } from './event.ts'
import { naiveForwardExtremities } from './forward-extremities.ts'
import { naiveResolve } from './resolve.ts'
import type { NaiveVerdict } from './rule-input.ts'

export interface NaiveOutcome {
  /** The state that its auth events make. */
  readonly authState: NaiveState
  /** Check 4: by the state that its auth events make. */
  readonly byAuthEvents: NaiveVerdict
  /** Check 5: by the state before it. */
  readonly byStateBefore: NaiveVerdict
  readonly rejected: boolean
  readonly stateBefore: NaiveState
  readonly stateAfter: NaiveState
}

/**
 * A room that grows event by event: server-server API, "Checks performed on receipt of a PDU", points 4 and 5, and the state around
 * each event ("State resolution" of the room version: S(E) and S′(E)). Points 1 to 3 (format, signatures, hashes) are assumed to
 * be passed. Point 6 (soft failure) decides of a set of events which are its forward extremities.
 */
export class NaiveRoom {
  readonly roomVersion: string
  readonly events = new Map<string, NaiveEvent>()
  /** Event id → what became of it. */
  readonly outcomes = new Map<string, NaiveOutcome>()
  readonly rejected = new Set<string>()

  constructor(roomVersion: string) {
    this.roomVersion = roomVersion
  }

  /** Every previous and auth event has to be in the room already. */
  add(event: NaiveEvent): NaiveOutcome {
    const { events, roomVersion, rejected } = this
    events.set(event.eventId, event)
    const authEvents = event.authEvents.map((id) => eventFor(id, events))
    const authState = stateOf(authEvents.filter((one) => one.stateKey !== undefined))
    const stateBefore = this.stateAfter(event.prevEvents)
    const byAuthEvents = naiveAuthorise(event, authState, roomVersion, events, rejected)
    const byStateBefore = naiveAuthorise(event, stateBefore, roomVersion, events, rejected)
    const isRejected = !byAuthEvents.allowed || !byStateBefore.allowed
    if (isRejected) rejected.add(event.eventId)
    const changes = event.stateKey !== undefined && !isRejected
    const stateAfter = changes ? new Map([...stateBefore, [tupleOf(event), event]]) : stateBefore
    const outcome = { authState, byAuthEvents, byStateBefore, rejected: isRejected, stateBefore, stateAfter }
    this.outcomes.set(event.eventId, outcome)
    return outcome
  }

  outcome(id: string): NaiveOutcome {
    const outcome = this.outcomes.get(id)
    if (!outcome) throw new RangeError(`${id} is not in the room`)
    return outcome
  }

  /** The resolution of the states after the given events: the state of a room with those forward extremities. */
  stateAfter(ids: Iterable<string>): NaiveState {
    const states = [...ids].map((id) => this.outcome(id).stateAfter)
    return naiveResolve(states, this.events, this.roomVersion, this.rejected)
  }

  forwardExtremities(): ReadonlySet<string> {
    return naiveForwardExtremities(this)
  }
}

/** The room that a whole set of PDUs makes. The order of the set does not matter; every previous and auth event has to be in it. */
export function naiveRoomState(set: Iterable<NaiveEvent>, roomVersion: string): NaiveRoom {
  const events: NaiveEvents = new Map([...set].map((event) => [event.eventId, event]))
  const room = new NaiveRoom(roomVersion)
  const visit = (id: string): void => {
    if (room.events.has(id)) return
    const event = eventFor(id, events)
    for (const before of [...event.prevEvents, ...event.authEvents]) visit(before)
    room.add(event)
  }
  for (const id of events.keys()) visit(id)
  return room
}
