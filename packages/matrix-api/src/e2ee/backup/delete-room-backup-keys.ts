import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { versionQuery } from './version-query.ts'

/** `DELETE /room_keys/keys/{roomId}` (Client-Server API, "Server-side key backups"). */
export function deleteRoomBackupKeys({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'DELETE',
    path: '/_matrix/client/v3/room_keys/keys/{roomId}',
    aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}'],
    auth: 'token',
    async handle({ requester, params: { roomId = '' }, query }) {
      return keyBackup.deleteKeys(requester.userId, versionQuery(query), { roomId })
    },
  })
}
