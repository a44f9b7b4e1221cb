import type { EventId, RoomId, UserId } from '@starling/protocol'
import type { Membership, RoomEvent, RoomReader } from '../ports.ts'
import { membershipIn } from './content.ts'

/** One of a user's membership events in a room. */
export interface MembershipStep {
  readonly eventId: EventId
  readonly membership: Membership
  readonly event: RoomEvent
}

/** Membership events looked back through at most: far more than anybody's comings and goings, renames included. */
const MAX_STEPS = 100

/**
 * A user's membership events in a room from the newest back, by what each replaced. Ends where an event is not stored
 * (the room was entered from another server) or after `MAX_STEPS`.
 */
export async function ownMemberships(reader: RoomReader, roomId: RoomId, userId: UserId): Promise<MembershipStep[]> {
  const steps: MembershipStep[] = []
  const row = await reader.membership(roomId, userId)
  let eventId = row?.eventId
  while (eventId !== undefined && steps.length < MAX_STEPS) {
    const event: RoomEvent | undefined = await reader.event(roomId, eventId)
    if (!event) break
    steps.push({ eventId, membership: membershipIn(event), event })
    eventId = event.replaces
  }
  return steps
}

/** The event that ended the user's last stay in the room: the one after the newest `join`. */
export function departureOf(steps: readonly MembershipStep[]): MembershipStep | undefined {
  const lastJoin = steps.findIndex((step) => step.membership === 'join')
  return lastJoin > 0 ? steps[lastJoin - 1] : undefined
}

/** Where the user's newest stay in the room began, renames aside; undefined where there was none or it is not known. */
export function stayBegan(steps: readonly MembershipStep[]): number | undefined {
  const lastJoin = steps.findIndex((step) => step.membership === 'join')
  if (lastJoin === -1) return undefined
  const before = steps.findIndex((step, index) => index > lastJoin && step.membership !== 'join')
  return steps[before === -1 ? steps.length - 1 : before - 1]?.event.order
}

/** The membership that held at a place in the timeline, the event there included; `leave` before the first known one. */
export function membershipAt(steps: readonly MembershipStep[], order: number): Membership {
  for (const step of steps) {
    if (step.event.order !== undefined && step.event.order <= order) return step.membership
  }
  return 'leave'
}

/** True if the user was joined at some time from an event's place on, up to another. An event without a place counts as of long ago. */
export function wasJoinedWithin(steps: readonly MembershipStep[], from: number | undefined, to: number): boolean {
  if (from !== undefined && from <= to && membershipAt(steps, from) === 'join') return true
  return steps.some(({ membership, event: { order } }) => {
    return membership === 'join' && order !== undefined && order <= to && (from === undefined || order > from)
  })
}
