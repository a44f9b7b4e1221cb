import type { AbortOptions, EventId, ServerName } from '@starling/protocol'
import type { CheckedPdu, RoomImport, Verdict } from '../../contracts.ts'
import { limits } from '../limits.ts'
import type { RoomViews } from '../ports.ts'
import type { EventCarrier } from '../wire/event-carrier.ts'
import { ask } from '../wire/request-failure.ts'
import { v2 } from '../wire/uri.ts'
import { residentCandidates } from './candidates.ts'
import { checkJoinAnswer } from './check-join-answer.ts'
import { type HandshakeParts, makeMembership, withOwnKeys } from './handshake.ts'
import type { MembershipChange } from './membership-change.ts'
import { RemoteFailures } from './remote-failures.ts'

export type JoinChange = MembershipChange & { readonly membership: 'join' }

export interface JoinParts extends HandshakeParts {
  readonly views: RoomViews
  readonly carrier: EventCarrier
}

/**
 * Joins by the handshake of "Joining Rooms" (server-server API): resident servers are asked one after the other, nearest
 * first, until one lets us in with a state that stands up to every check.
 *
 * @returns the join's id and the server that helped.
 * @throws RoomError `forbidden`, `unknown-room`, `incompatible-room-version` or `unreachable`.
 */
export async function joinRemote(
  parts: JoinParts,
  change: JoinChange,
  options?: AbortOptions,
): Promise<{ readonly eventId: EventId; readonly resident: ServerName }> {
  const failures = new RemoteFailures('join the room')
  for (const resident of await residentCandidates(parts, change)) {
    options?.signal?.throwIfAborted()
    const eventId = await joinThrough(parts, change, resident, failures, options)
    if (eventId) return { eventId, resident }
  }
  throw failures.toError()
}

async function joinThrough(
  parts: JoinParts,
  change: JoinChange,
  resident: ServerName,
  failures: RemoteFailures,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  const made = await makeMembership(parts, change, resident, failures, options)
  if (!made) return undefined
  const { event, fields } = made
  const { roomVersion } = fields
  const answer = await ask(
    parts.requests.request(
      resident,
      'PUT',
      v2('send_join', [change.roomId, event.pdu.eventId], { omit_members: 'false' }),
      withOwnKeys(event, parts.keys),
      { ...options, timeoutMs: limits.sendTimeout, maxResponseBytes: limits.bytesPerStateAnswer },
    ),
  )
  if (!answer.ok) {
    failures.request(answer.error)
    return undefined
  }
  const sent = { roomId: change.roomId, roomVersion, resident, event, restricted: fields.authorisedBy !== undefined }
  const checked = await checkJoinAnswer(answer.value, sent, parts.carrier)
  if (!checked.ok) {
    parts.count('send_join_refused', 'checks')
    failures.lie(resident, checked.reason)
    return undefined
  }
  const verdict = await enter(parts, checked.room)
  if (verdict.kind === 'accepted') return verdict.eventId
  if (verdict.kind === 'duplicate' && parts.engine.isServerJoined(change.roomId, parts.keys.serverName)) {
    return verdict.eventId
  }
  parts.count('send_join_refused', verdict.kind)
  failures.lie(resident, 'reason' in verdict ? verdict.reason : `the join was ${verdict.kind}`)
  return undefined
}

/** A server that is in the room already (another user of it, or a restricted join) has the state: the event is enough. */
async function enter(parts: JoinParts, room: RoomImport): Promise<Verdict> {
  const isIn = parts.engine.isServerJoined(room.roomId, parts.keys.serverName)
  if (!isIn) return parts.engine.importRoom(room)
  const verdict = await parts.engine.receive(room.event satisfies CheckedPdu)
  // Its parents are newer than what is here: the state that came with it is what they lead to.
  return verdict.kind === 'waiting' ? parts.engine.receiveWithState(room.event, room.state, room.authChain) : verdict
}
