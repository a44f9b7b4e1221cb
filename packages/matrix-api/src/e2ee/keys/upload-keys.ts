import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'

/** `POST /keys/upload` (Client-Server API, "Uploading keys"). */
export function uploadKeys({ deviceKeys, oneTimeKeys }: E2eeEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/keys/upload',
    auth: 'token',
    body: 'event',
    async handle({ requester: { userId, deviceId }, body }) {
      await deviceKeys.upload(userId, deviceId, body)
      return { one_time_key_counts: await oneTimeKeys.oneTimeKeyCounts(userId, deviceId) }
    },
  })
}
