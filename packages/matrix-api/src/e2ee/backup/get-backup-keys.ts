import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { sessionsOf } from './sessions-of.ts'
import { versionQuery } from './version-query.ts'

/** `GET /room_keys/keys` (Client-Server API, "Server-side key backups"). */
export function getBackupKeys({ keyBackup }: E2eeEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v3/room_keys/keys',
    aliases: ['/_matrix/client/unstable/room_keys/keys'],
    auth: 'token',
    async handle({ requester, query }) {
      const keys = await keyBackup.keys(requester.userId, versionQuery(query), {})
      const byRoom = Map.groupBy(keys, ({ roomId }) => roomId)
      return {
        rooms: Object.fromEntries([...byRoom].map(([roomId, room]) => [roomId, { sessions: sessionsOf(room) }])),
      }
    },
  })
}
