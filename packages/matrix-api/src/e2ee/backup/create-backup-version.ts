import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { versionBody } from './version-body.ts'

/** `POST /room_keys/version` (Client-Server API, "Server-side key backups"). */
export function createBackupVersion({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/room_keys/version',
    aliases: ['/_matrix/client/unstable/room_keys/version'],
    auth: 'token',
    async handle({ requester, body }) {
      const { algorithm, auth_data: authData } = checkInput(versionBody, body)
      return { version: await keyBackup.createVersion(requester.userId, algorithm, authData) }
    },
  })
}
