import { serverOf, type UserId } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { aliasOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { currentPower } from '../power.ts'
import type { AliasEntry } from '../room-directory.ts'

/** `DELETE /directory/room/{roomAlias}`: by who made it, or who may set the room's canonical alias. */
export function deleteRoomAlias(deps: Pick<RoomDeps, 'directory' | 'reader' | 'serverName'>) {
  return endpoint<'token'>({
    method: 'DELETE',
    path: '/_matrix/client/v3/directory/room/{roomAlias}',
    auth: 'token',
    async handle(call) {
      const alias = aliasOf(call)
      const entry = serverOf(alias) === deps.serverName ? await deps.directory.alias(alias) : undefined
      if (!entry) throw new MatrixError(404, 'M_NOT_FOUND', 'This server has no such alias')
      if (!(await mayDelete(deps, entry, call.requester.userId))) {
        throw new MatrixError(403, 'M_FORBIDDEN', 'You may not delete that alias')
      }
      await deps.directory.removeAlias(alias)
      return {}
    },
  })
}

async function mayDelete(deps: Pick<RoomDeps, 'reader'>, entry: AliasEntry, userId: UserId): Promise<boolean> {
  if (entry.creator === userId) return true
  const row = await deps.reader.membership(entry.roomId, userId)
  if (row?.membership !== 'join') return false
  const power = await currentPower(deps.reader, entry.roomId)
  return power !== undefined && power.levels.user(userId) >= power.levels.event('m.room.canonical_alias', true)
}
