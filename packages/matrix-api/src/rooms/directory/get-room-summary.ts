import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { roomIdOrAliasOf, viaOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { resolveAlias } from './resolve-alias.ts'

/**
 * `GET /room_summary/{roomIdOrAlias}`: 404, whether the room exists or not, for who may neither enter nor read it. Other
 * servers are asked for users only.
 */
export function getRoomSummary(deps: Pick<RoomDeps, 'reader' | 'directory' | 'remote' | 'serverName' | 'outlines'>) {
  return endpoint<'none'>({
    method: 'GET',
    path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
    aliases: [
      '/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary',
      '/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}',
    ],
    auth: 'none',
    rate: 'search',
    async handle(call) {
      const named = roomIdOrAliasOf(call)
      const found = 'roomId' in named ? { ...named, servers: [] } : await resolveAlias(deps, named.alias, call)
      const userId = call.requester?.userId
      const via = userId && found && [...viaOf(call), ...found.servers]
      const room = found && (await deps.outlines.find(found.roomId, via, userId, { signal: call.signal }))
      if (!room) throw new MatrixError(404, 'M_NOT_FOUND', 'Room not found')
      const row = userId && (await deps.reader.membership(found.roomId, userId))
      return { ...room.summary, ...(userId && { membership: row ? row.membership : 'leave' }) }
    },
  })
}
