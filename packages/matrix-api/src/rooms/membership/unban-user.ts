import { MatrixError } from '../../http/matrix-error.ts'
import { requireJoined } from '../access.ts'
import type { RoomDeps } from '../deps.ts'
import { changeOther, memberEndpoint, memberOf } from './change-member.ts'

/** `POST /rooms/{roomId}/unban`: 403 `M_BAD_STATE` where the target is not banned, so that it never kicks. */
export function unbanUser(deps: RoomDeps) {
  return memberEndpoint('unban', async (request, signal) => {
    await requireJoined(deps.reader, request.roomId, request.sender)
    if ((await memberOf(deps.reader, request.roomId, request.target)) !== 'ban') {
      throw new MatrixError(403, 'M_BAD_STATE', 'The user is not banned')
    }
    await changeOther(deps, request, 'leave', { signal })
  })
}
