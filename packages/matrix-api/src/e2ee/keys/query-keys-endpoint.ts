import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { parseKeyQuery, parseTimeout } from './parse-key-requests.ts'

/** `POST /keys/query` (Client-Server API, "Tracking the device list for a user"). */
export function queryKeysEndpoint({ queryKeys }: E2eeEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/keys/query',
    auth: 'token',
    rate: 'none',
    handle({ requester, body, signal }) {
      return queryKeys.query(requester.userId, parseKeyQuery(body), { timeoutMs: parseTimeout(body), signal })
    },
  })
}
