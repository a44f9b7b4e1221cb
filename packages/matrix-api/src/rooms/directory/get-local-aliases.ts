import { endpoint } from '../../http/endpoint.ts'
import { notInRoom, roomAccess } from '../access.ts'
import { roomIdOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'

/** `GET /rooms/{roomId}/aliases`: for those in the room, and anybody where it is world-readable. */
export function getLocalAliases(deps: Pick<RoomDeps, 'directory' | 'reader'>) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/{roomId}/aliases',
    auth: 'token',
    async handle(call) {
      const roomId = roomIdOf(call)
      const access = await roomAccess(deps.reader, roomId, call.requester.userId)
      if (access.kind !== 'joined' && access.kind !== 'preview') throw notInRoom()
      return { aliases: await deps.directory.aliasesOf(roomId) }
    },
  })
}
