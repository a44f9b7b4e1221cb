import type { JsonObject } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import { requireJoined } from '../access.ts'
import type { RoomDeps } from '../deps.ts'
import { changeOther, memberEndpoint, memberOf } from './change-member.ts'
import { refuseBlockedInvite } from './invite-permission.ts'

/** `POST /rooms/{roomId}/invite`: 403 where the invitee is joined or banned; invited already is no error. */
export function inviteUser(deps: RoomDeps) {
  return memberEndpoint(
    'invite',
    async (request, signal) => {
      await requireJoined(deps.reader, request.roomId, request.sender)
      const membership = await memberOf(deps.reader, request.roomId, request.target)
      if (membership === 'invite') return
      if (membership === 'join') throw new MatrixError(403, 'M_FORBIDDEN', 'The user is in the room already')
      if (membership === 'ban') throw new MatrixError(403, 'M_FORBIDDEN', 'The user is banned from the room')
      await refuseBlockedInvite(deps, request.sender, request.target)
      await changeOther(deps, request, 'invite', { signal })
    },
    refuseThirdPartyId,
  )
}

/** The other form of the operation ("Third-party invites"): this server resolves no third-party ids. */
function refuseThirdPartyId({ user_id, medium, address }: JsonObject): void {
  if (user_id === undefined && medium !== undefined && address !== undefined) {
    throw new MatrixError(403, 'M_THREEPID_DENIED', 'This server invites nobody by an email address or phone number')
  }
}
