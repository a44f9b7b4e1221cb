import type { AbortOptions, EventId, RoomId, ServerName, UserId } from '@starling/protocol'
import { eventTemplate, roomVersionRules } from '@starling/protocol'
import type { CheckedPdu } from '../../contracts.ts'
import { RoomError } from '../../room/room-error.ts'
import { storedEvent } from '../access/state-events.ts'
import { limits } from '../limits.ts'
import { ask } from '../wire/request-failure.ts'
import { v2 } from '../wire/uri.ts'
import { residentCandidates } from './candidates.ts'
import { makeMembership, withOwnKeys } from './handshake.ts'
import type { JoinParts } from './join-remote.ts'
import { memberContent } from './member-content.ts'
import type { MembershipChange } from './membership-change.ts'
import type { PendingLeaves } from './pending-leaves.ts'
import { RemoteFailures } from './remote-failures.ts'

export type LeaveChange = MembershipChange & { readonly membership: 'leave' }

export interface LeaveParts extends JoinParts {
  readonly pendingLeaves: PendingLeaves
}

/**
 * Rejects an invite or retracts a knock (server-server API, "Leaving Rooms"). For the user the room is left in any
 * case: where no server helps now, the leave is kept here, and the first resident server that is met is told.
 */
export async function leaveRemote(parts: LeaveParts, change: LeaveChange, options?: AbortOptions): Promise<EventId> {
  const failures = new RemoteFailures('leave the room')
  const candidates = await residentCandidates(parts, change)
  for (const resident of candidates) {
    options?.signal?.throwIfAborted()
    const event = await leaveThrough(parts, change, resident, failures, options)
    if (event) return keep(parts, event)
  }
  const event = await leaveAlone(parts, change)
  const eventId = await keep(parts, event)
  if (candidates.length > 0) {
    await parts.pendingLeaves.add({ roomId: change.roomId, userId: change.target, servers: candidates })
  }
  return eventId
}

/** Tells a server just met of the leaves that it can pass on. */
export async function tellPendingLeaves(parts: LeaveParts, server: ServerName, options?: AbortOptions): Promise<void> {
  for (const { roomId, userId, servers } of await parts.pendingLeaves.all()) {
    if (!servers.includes(server)) continue
    if (await isStillLeft(parts, roomId, userId)) {
      const change: LeaveChange = { roomId, sender: userId, target: userId, membership: 'leave' }
      const failures = new RemoteFailures('leave the room')
      const told = await leaveThrough(parts, change, server, failures, options)
      if (!told && failures.toError().code === 'unreachable') continue
    }
    // Told, or the server says that there is nothing to leave, or the user has come back.
    await parts.pendingLeaves.remove(userId, roomId)
  }
}

async function isStillLeft(parts: LeaveParts, roomId: RoomId, userId: UserId): Promise<boolean> {
  const view = await parts.views.membership(roomId, userId)
  return view?.membership === 'leave'
}

async function leaveThrough(
  parts: LeaveParts,
  change: LeaveChange,
  resident: ServerName,
  failures: RemoteFailures,
  options?: AbortOptions,
): Promise<CheckedPdu | undefined> {
  const made = await makeMembership(parts, change, resident, failures, options)
  if (!made) return undefined
  const uri = v2('send_leave', [change.roomId, made.event.pdu.eventId])
  const answer = await ask(
    parts.requests.request(resident, 'PUT', uri, withOwnKeys(made.event, parts.keys), {
      ...options,
      timeoutMs: limits.leaveTimeout,
      maxResponseBytes: limits.bytesPerSmallAnswer,
    }),
  )
  if (answer.ok) return made.event
  failures.request(answer.error)
  return undefined
}

/** A leave after the invite or knock itself: good enough for this server's own users, never sent anywhere. */
async function leaveAlone(parts: LeaveParts, change: LeaveChange): Promise<CheckedPdu> {
  const { roomId, target } = change
  const version = await parts.engine.roomVersion(roomId)
  const rules = version === undefined ? undefined : roomVersionRules(version)
  const view = await parts.views.membership(roomId, target)
  if (version === undefined || !rules || !view) {
    throw new RoomError('unknown-room', 'There is no invite to reject and no knock to retract.')
  }
  const before = await storedEvent(parts.engine, view.eventId)
  const unsigned = eventTemplate(
    {
      type: 'm.room.member',
      sender: target,
      roomId,
      stateKey: target,
      content: memberContent(change),
      prevEvents: [view.eventId],
      authEvents: [view.eventId],
      depth: (before?.depth ?? 0) + 1,
      originServerTs: parts.clock.now(),
    },
    rules,
  )
  return parts.engine.finish(unsigned, version)
}

async function keep(parts: LeaveParts, event: CheckedPdu): Promise<EventId> {
  const verdict = await parts.engine.storeOutOfRoomMembership(event, [])
  if (verdict.kind === 'refused' || verdict.kind === 'rejected') {
    throw new RoomError('forbidden', `The leave was not kept: ${verdict.reason}`)
  }
  return verdict.eventId
}
