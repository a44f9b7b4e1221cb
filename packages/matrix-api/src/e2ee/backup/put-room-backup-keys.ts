import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { parseRoomBackup } from './backup-key.ts'
import { MAX_BACKUP_BODY_BYTES, versionQuery } from './version-query.ts'

/** `PUT /room_keys/keys/{roomId}` (Client-Server API, "Server-side key backups"). */
export function putRoomBackupKeys({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/keys/{roomId}',
    aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}'],
    auth: 'token',
    maxBodyBytes: MAX_BACKUP_BODY_BYTES,
    async handle({ requester, params: { roomId = '' }, query, body }) {
      return keyBackup.putKeys(requester.userId, versionQuery(query), parseRoomBackup(roomId, body))
    },
  })
}
