import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'

/** `DELETE /room_keys/version/{version}` (Client-Server API, "Server-side key backups"). */
export function deleteBackupVersion({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'DELETE',
    path: '/_matrix/client/v3/room_keys/version/{version}',
    aliases: ['/_matrix/client/unstable/room_keys/version/{version}'],
    auth: 'token',
    async handle({ requester, params: { version = '' } }) {
      await keyBackup.deleteVersion(requester.userId, version)
      return {}
    },
  })
}
