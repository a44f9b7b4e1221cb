import fc from 'fast-check'

/** What one event is to be. Numbers pick among whatever there is at that point, so that every plan can be grown and shrunk. */
export interface PlannedEvent {
  readonly kind: EventKind
  /** Sender and target, among the people of the room. */
  readonly who: number
  readonly whom: number
  /** Index into `LEVELS`. */
  readonly level: number
  readonly parents: { readonly mode: 'last' | 'tips' | 'any' | 'twice'; readonly picks: readonly number[] }
  readonly auth: { readonly mode: AuthMode; readonly pick: number }
  /** Added to a base time: small, so that many events have the same. */
  readonly ts: number
  /** What the event claims as depth: the truth, or anything. Only version 1 looks at it. */
  readonly depth: 'true' | number
}

export const EVENT_KINDS = [
  'message',
  'topic',
  'topic',
  'name',
  'join',
  'join',
  'leave',
  'kick',
  'ban',
  'ban',
  'unban',
  'invite',
  'knock',
  'join-rules',
  'join-rules',
  'levels-user',
  'levels-user',
  'levels-user',
  'levels-named',
  'levels-event',
  'levels-remove',
  'levels-odd',
  'redaction',
  'aliases',
  'restricted-join',
  'third-party-invite',
  'user-state',
  'odd-member',
  'forged-sender',
] as const
export type EventKind = (typeof EVENT_KINDS)[number]

/**
 * How the event's `auth_events` are chosen: `right` from the state before it, `old` from the state at an older event (a state-reset
 * attempt), `drop` without one of the right ones, `extra` with one that does not belong, `twice` with one of them named twice,
 * `rejected` with a rejected event where there is one.
 */
export type AuthMode = 'right' | 'old' | 'drop' | 'extra' | 'twice' | 'rejected'

export interface RoomPlan {
  readonly roomVersion: string
  /** Power levels from the start, or none. */
  readonly hasPowerLevels: boolean
  /** Version 12: the second person is a creator too. */
  readonly hasSecondCreator: boolean
  readonly events: readonly PlannedEvent[]
}

export const LEVELS = [-10, 0, 10, 50, 60, 100, 100, 101]

export interface RoomPlanOptions {
  readonly roomVersions: readonly string[]
  readonly minEvents?: number
  readonly maxEvents?: number
}

/**
 * Rooms as strangers make them: forks, merges, bans against power levels, join rules that change under those who join, stale or wrong
 * auth events, invalid events and what others build on them. Grow one with `growRoom`.
 */
export function roomPlan({ roomVersions, minEvents = 4, maxEvents = 24 }: RoomPlanOptions): fc.Arbitrary<RoomPlan> {
  return fc.record({
    roomVersion: fc.constantFrom(...roomVersions),
    hasPowerLevels: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    hasSecondCreator: fc.boolean(),
    events: fc.array(plannedEvent, { minLength: minEvents, maxLength: maxEvents, size: 'max' }),
  })
}

const plannedEvent: fc.Arbitrary<PlannedEvent> = fc.record({
  kind: fc.constantFrom(...EVENT_KINDS),
  // The creator acts more often than others, so that most events are allowed.
  who: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(9) }),
  whom: fc.nat(9),
  level: fc.nat(LEVELS.length - 1),
  parents: fc.record({
    mode: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom('last' as const, 'tips' as const, 'any' as const, 'any' as const) },
      { weight: 1, arbitrary: fc.constant('twice' as const) },
    ),
    picks: fc.array(fc.nat(999), { minLength: 1, maxLength: 3 }),
  }),
  auth: fc.record({
    mode: fc.oneof(
      { weight: 12, arbitrary: fc.constant('right' as const) },
      { weight: 5, arbitrary: fc.constant('old' as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('drop' as const, 'extra' as const, 'twice' as const, 'rejected' as const),
      },
    ),
    pick: fc.nat(999),
  }),
  ts: fc.nat(6),
  depth: fc.oneof(
    { weight: 5, arbitrary: fc.constant('true' as const) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 7, 1_000, Number.MAX_SAFE_INTEGER) },
  ),
})
