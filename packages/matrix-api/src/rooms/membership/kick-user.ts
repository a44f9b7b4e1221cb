import { MatrixError } from '../../http/matrix-error.ts'
import type { Membership } from '../../ports.ts'
import { requireJoined } from '../access.ts'
import type { RoomDeps } from '../deps.ts'
import { changeOther, memberEndpoint, memberOf } from './change-member.ts'

/** What a kick ends. A banned user is set free by /unban only. */
const KICKABLE: ReadonlySet<Membership | undefined> = new Set<Membership>(['join', 'invite', 'knock'])

/** `POST /rooms/{roomId}/kick`: 403 where the target is not in the room. */
export function kickUser(deps: RoomDeps) {
  return memberEndpoint('kick', async (request, signal) => {
    await requireJoined(deps.reader, request.roomId, request.sender)
    if (!KICKABLE.has(await memberOf(deps.reader, request.roomId, request.target))) {
      throw new MatrixError(403, 'M_FORBIDDEN', 'The user is not in the room')
    }
    await changeOther(deps, request, 'leave', { signal })
  })
}
