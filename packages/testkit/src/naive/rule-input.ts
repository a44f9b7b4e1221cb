import type { NaiveEvent, NaiveEvents, NaiveState } from './event.ts'

/** What a rule looks at. */
export interface RuleInput {
  readonly event: NaiveEvent
  /** "The room state": the state that the event is checked against. */
  readonly state: NaiveState
  /** The room version as a number. */
  readonly version: number
  /** Every event known of the room: previous events, auth events, the create event of a version 12 room. */
  readonly events: NaiveEvents
  /** Ids of the events that were themselves rejected. */
  readonly rejected: ReadonlySet<string>
}

/** The rule that decided, numbered as on the page of its room version (`5.2.1`). */
export interface NaiveVerdict {
  readonly allowed: boolean
  readonly rule: string
}

export function allow(rule: string): NaiveVerdict {
  return { allowed: true, rule }
}

export function reject(rule: string): NaiveVerdict {
  return { allowed: false, rule }
}
