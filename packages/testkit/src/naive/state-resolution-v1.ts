import { createHash } from 'node:crypto'
import { naiveAuthorise } from './authorisation-rules.ts'
import { type NaiveEvent, type NaiveEvents, type NaiveState, tupleOf } from './event.ts'

/**
 * "State resolution" of rooms/v1.md.
 *
 * The page leaves two things open, and they are read so: each conflicted tuple of a pass is a list of its own ("conflicts … for the
 * same `(event_type, state_key)`"), and the tuples of one pass do not see each other's outcome, so that nothing depends on the order
 * in which they are taken.
 */
export function resolveV1(
  states: readonly NaiveState[],
  events: NaiveEvents,
  roomVersion: string,
  rejected: ReadonlySet<string>,
): NaiveState {
  const isAllowed = (event: NaiveEvent, state: NaiveState) =>
    naiveAuthorise(event, state, roomVersion, events, rejected).allowed

  const candidates = new Map<string, Set<NaiveEvent>>()
  for (const state of states) {
    for (const [key, event] of state) candidates.set(key, (candidates.get(key) ?? new Set()).add(event))
  }
  let resolved: NaiveState = new Map(
    [...candidates.values()].filter((set) => set.size === 1).flatMap((set) => [...set].map((e) => [tupleOf(e), e])),
  )
  const conflicts = [...candidates.values()].filter((set) => set.size > 1).map((set) => [...set])

  for (const type of ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']) {
    const winners = conflicts
      .filter((list) => list[0]?.type === type)
      .map((list) => lastAllowed(list.sort(byDepthThenHash), resolved, isAllowed))
    resolved = new Map([...resolved, ...winners.map((event) => [tupleOf(event), event] as const)])
  }

  const others = conflicts
    .filter((list) => !['m.room.power_levels', 'm.room.join_rules', 'm.room.member'].includes(list[0]?.type ?? ''))
    .map((list) => list.sort(byDepthThenHash).reverse())
    .flatMap((list) => list.find((event) => isAllowed(event, resolved)) ?? [])
  return new Map([...resolved, ...others.map((event) => [tupleOf(event), event] as const)])
}

/** The first event of the list is taken; each next one as long as the state with the one before it allows it. */
function lastAllowed(
  list: readonly NaiveEvent[],
  state: NaiveState,
  isAllowed: (event: NaiveEvent, state: NaiveState) => boolean,
): NaiveEvent {
  const [first, ...rest] = list
  if (!first) throw new RangeError('a conflict has at least two events')
  let last = first
  for (const event of rest) {
    if (!isAllowed(event, new Map([...state, [tupleOf(last), last]]))) return last
    last = event
  }
  return last
}

/** "Ascending `depth` then descending `sha1(event_id)`". */
function byDepthThenHash(x: NaiveEvent, y: NaiveEvent): number {
  if (x.depth !== y.depth) return x.depth - y.depth
  return sha1(x.eventId) < sha1(y.eventId) ? 1 : -1
}

function sha1(id: string): string {
  return createHash('sha1').update(id).digest('hex')
}
