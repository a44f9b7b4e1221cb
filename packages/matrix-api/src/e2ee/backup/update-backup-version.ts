import { checkInput } from '../../http/check-input.ts'
import { endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { versionBody } from './version-body.ts'

/** `PUT /room_keys/version/{version}` (Client-Server API, "Server-side key backups"). */
export function updateBackupVersion({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/version/{version}',
    aliases: ['/_matrix/client/unstable/room_keys/version/{version}'],
    auth: 'token',
    async handle({ requester, params: { version = '' }, body }) {
      const { algorithm, auth_data: authData, version: stated } = checkInput(versionBody, body)
      if (stated !== undefined && stated !== version) {
        throw new MatrixError(400, 'M_INVALID_PARAM', 'The version in the body is not the one in the path')
      }
      await keyBackup.updateVersion(requester.userId, version, algorithm, authData)
      return {}
    },
  })
}
