import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { parseRoomBackup } from './backup-key.ts'
import { versionQuery } from './version-query.ts'

/** `PUT /room_keys/keys/{roomId}/{sessionId}` (Client-Server API, "Server-side key backups"). */
export function putBackupKey({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}',
    aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}/{sessionId}'],
    auth: 'token',
    async handle({ requester, params: { roomId = '', sessionId = '' }, query, body }) {
      const keys = parseRoomBackup(roomId, { sessions: { [sessionId]: body } })
      return keyBackup.putKeys(requester.userId, versionQuery(query), keys)
    },
  })
}
