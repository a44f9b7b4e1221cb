import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { parseBackup } from './backup-key.ts'
import { MAX_BACKUP_BODY_BYTES, versionQuery } from './version-query.ts'

/** `PUT /room_keys/keys` (Client-Server API, "Server-side key backups"). */
export function putBackupKeys({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/keys',
    aliases: ['/_matrix/client/unstable/room_keys/keys'],
    auth: 'token',
    maxBodyBytes: MAX_BACKUP_BODY_BYTES,
    async handle({ requester, query, body }) {
      return keyBackup.putKeys(requester.userId, versionQuery(query), parseBackup(body))
    },
  })
}
