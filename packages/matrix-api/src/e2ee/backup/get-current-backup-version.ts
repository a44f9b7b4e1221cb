import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'

/** `GET /room_keys/version` (Client-Server API, "Server-side key backups"). */
export function getCurrentBackupVersion({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/version',
    aliases: ['/_matrix/client/unstable/room_keys/version'],
    auth: 'token',
    async handle({ requester }) {
      return keyBackup.info(requester.userId)
    },
  })
}
