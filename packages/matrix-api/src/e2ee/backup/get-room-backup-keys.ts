import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { sessionsOf } from './sessions-of.ts'
import { versionQuery } from './version-query.ts'

/** `GET /room_keys/keys/{roomId}` (Client-Server API, "Server-side key backups"). */
export function getRoomBackupKeys({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/keys/{roomId}',
    aliases: ['/_matrix/client/unstable/room_keys/keys/{roomId}'],
    auth: 'token',
    async handle({ requester, params: { roomId = '' }, query }) {
      return { sessions: sessionsOf(await keyBackup.keys(requester.userId, versionQuery(query), { roomId })) }
    },
  })
}
