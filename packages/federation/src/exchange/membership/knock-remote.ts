import type { AbortOptions, EventId, ServerName } from '@starling/protocol'
import { RoomError } from '../../room/room-error.ts'
import { limits } from '../limits.ts'
import { ask } from '../wire/request-failure.ts'
import { v1 } from '../wire/uri.ts'
import { residentCandidates } from './candidates.ts'
import { makeMembership, withOwnKeys } from './handshake.ts'
import type { JoinParts } from './join-remote.ts'
import type { MembershipChange } from './membership-change.ts'
import { RemoteFailures } from './remote-failures.ts'
import { takeShownState } from './stripped-state.ts'

/**
 * Knocks by the handshake of "Knocking upon a room" (server-server API) and keeps the knock with what the resident shows
 * of the room.
 *
 * @throws RoomError as `joinRemote`.
 */
export async function knockRemote(
  parts: JoinParts,
  change: MembershipChange & { readonly membership: 'knock' },
  options?: AbortOptions,
): Promise<EventId> {
  const failures = new RemoteFailures('knock on the room')
  for (const resident of await residentCandidates(parts, change)) {
    options?.signal?.throwIfAborted()
    const eventId = await knockThrough(parts, change, resident, failures, options)
    if (eventId) return eventId
  }
  throw failures.toError()
}

async function knockThrough(
  parts: JoinParts,
  change: MembershipChange & { readonly membership: 'knock' },
  resident: ServerName,
  failures: RemoteFailures,
  options?: AbortOptions,
): Promise<EventId | undefined> {
  const made = await makeMembership(parts, change, resident, failures, options)
  if (!made) return undefined
  const { event, fields } = made
  const answer = await ask(
    parts.requests.request(
      resident,
      'PUT',
      v1('send_knock', [change.roomId, event.pdu.eventId]),
      withOwnKeys(event, parts.keys),
      { ...options, timeoutMs: limits.makeTimeout, maxResponseBytes: limits.bytesPerSmallAnswer },
    ),
  )
  if (!answer.ok) {
    failures.request(answer.error)
    return undefined
  }
  const shown = await takeShownState(answer.value.knock_room_state, change.roomId, fields.roomVersion, parts.carrier)
  const verdict = await parts.engine.storeOutOfRoomMembership(event, shown.stripped)
  if (verdict.kind === 'refused' || verdict.kind === 'rejected') {
    throw new RoomError('forbidden', `The knock was not kept: ${verdict.reason}`)
  }
  return verdict.eventId
}
