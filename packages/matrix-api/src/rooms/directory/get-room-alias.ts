import { serverOf } from '@starling/protocol'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { aliasOf } from '../call-params.ts'
import type { RoomDeps } from '../deps.ts'
import { resolveAlias } from './resolve-alias.ts'

/** `GET /directory/room/{roomAlias}`: own ones for anybody; those of other servers, who are then asked, for users. */
export function getRoomAlias(deps: Pick<RoomDeps, 'directory' | 'remote' | 'serverName'>) {
  return endpoint<'none'>({
    method: 'GET',
    path: '/_matrix/client/v3/directory/room/{roomAlias}',
    auth: 'none',
    async handle(call) {
      const alias = aliasOf(call)
      const mayAsk = serverOf(alias) === deps.serverName || call.requester !== undefined
      const resolved = mayAsk ? await resolveAlias(deps, alias, { signal: call.signal }) : undefined
      if (!resolved) throw new MatrixError(404, 'M_NOT_FOUND', 'No room has that alias')
      return { room_id: resolved.roomId, servers: resolved.servers }
    },
  })
}
