import { type EventId, type JsonObject, parseUserId, type RoomId, type UserId, withoutKeys } from '@starling/protocol'
import { type Call, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { Membership, MembershipChange } from '../../ports.ts'
import { notInRoom, requireJoined } from '../access.ts'
import { roomIdOf } from '../call-params.ts'
import { stringIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'
import { refuseBlockedInvite } from '../membership/invite-permission.ts'
import { checkCanonicalAlias } from './canonical-alias-rules.ts'

const SETTABLE: ReadonlySet<string> = new Set<Membership>(['join', 'invite', 'leave', 'ban', 'knock'])

/**
 * `PUT /rooms/{roomId}/state/{eventType}/{stateKey}`; no state key is the empty one. Memberships take the way of the
 * membership operations, so that an invite reaches the invitee's server whichever way it was made.
 */
export function setState(deps: RoomDeps) {
  return endpoint<'token'>({
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
    aliases: ['/_matrix/client/v3/rooms/{roomId}/state/{eventType}'],
    auth: 'token',
    rate: 'write',
    body: 'event',
    async handle(call) {
      const roomId = roomIdOf(call)
      const type = call.params.eventType ?? ''
      const stateKey = call.params.stateKey ?? ''
      const { userId } = call.requester
      if (type === 'm.room.member') return { event_id: await setMembership(deps, call, roomId, stateKey) }
      await requireJoined(deps.reader, roomId, userId)
      if (type === 'm.room.canonical_alias' && stateKey === '') {
        await checkCanonicalAlias(deps, roomId, call.body, call.signal)
      }
      const draft = { roomId, sender: userId, type, stateKey, content: call.body }
      return { event_id: await deps.rooms.send(draft) }
    },
  })
}

async function setMembership(deps: RoomDeps, call: Call, roomId: RoomId, stateKey: string): Promise<EventId> {
  const target = parseUserId(stateKey)
  if (!target) throw new MatrixError(400, 'M_INVALID_PARAM', 'The state key of a membership is a user id')
  const change = changeFrom(call.body, roomId, call.requester.userId, target)
  const row = await deps.reader.membership(roomId, change.sender)
  // Only to enter, and to leave what one was invited to, one need not be in the room.
  if (target !== change.sender && row?.membership !== 'join') throw notInRoom()
  if (target === change.sender && change.membership === 'join' && row?.membership === 'join') {
    // No change of membership, but of the name or avatar in this room.
    const content = withoutKeys(call.body, 'join_authorised_via_users_server')
    return deps.rooms.send({ roomId, sender: target, type: 'm.room.member', stateKey: target, content })
  }
  if (change.membership === 'invite') await refuseBlockedInvite(deps, change.sender, target)
  const { eventId } = await deps.rooms.changeMembership(change, { signal: call.signal })
  return eventId ?? (await currentMember(deps, roomId, target))
}

function changeFrom(body: JsonObject, roomId: RoomId, sender: UserId, target: UserId): MembershipChange {
  const membership = stringIn(body, 'membership')
  if (membership === undefined || !SETTABLE.has(membership)) {
    throw new MatrixError(400, 'M_BAD_JSON', 'Not a membership: membership')
  }
  // Who lets somebody in is for the servers to say.
  const content = withoutKeys(body, 'membership', 'reason', 'join_authorised_via_users_server')
  const reason = stringIn(body, 'reason')
  return {
    roomId,
    sender,
    target,
    membership: membership as Membership,
    content,
    ...(reason === undefined ? {} : { reason }),
  }
}

/** It was so already: the event that made it so. */
async function currentMember(deps: RoomDeps, roomId: RoomId, target: UserId): Promise<EventId> {
  const event = await deps.reader.stateEvent(roomId, 'm.room.member', target)
  if (!event) throw new MatrixError(404, 'M_NOT_FOUND', 'The user has nothing to do with this room')
  return event.pdu.eventId
}
