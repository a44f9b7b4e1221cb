import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { versionQuery } from './version-query.ts'

/** `GET /room_keys/keys/{roomId}/{sessionId}` (Client-Server API, "Server-side key backups"). */
export function getBackupKey({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}',
    aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}/{sessionId}'],
    auth: 'token',
    async handle({ requester, params: { roomId = '', sessionId = '' }, query }) {
      const [found] = await keyBackup.keys(requester.userId, versionQuery(query), { roomId, sessionId })
      if (!found) throw new MatrixError(404, 'M_NOT_FOUND', 'No such key in the backup')
      return found.key
    },
  })
}
