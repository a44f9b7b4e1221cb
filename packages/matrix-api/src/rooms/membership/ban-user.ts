import { requireJoined } from '../access.ts'
import type { RoomDeps } from '../deps.ts'
import { changeOther, memberEndpoint } from './change-member.ts'

/** `POST /rooms/{roomId}/ban`: of anybody, in the room or not. */
export function banUser(deps: RoomDeps) {
  return memberEndpoint('ban', async (request, signal) => {
    await requireJoined(deps.reader, request.roomId, request.sender)
    await changeOther(deps, request, 'ban', { signal })
  })
}
