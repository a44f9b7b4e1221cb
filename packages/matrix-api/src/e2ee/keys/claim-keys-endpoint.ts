import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'
import { parseKeyClaims, parseTimeout } from './parse-key-requests.ts'

/** `POST /keys/claim` (Client-Server API, "One-time and fallback keys"). */
export function claimKeysEndpoint({ claimKeys }: E2eeEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/keys/claim',
    auth: 'token',
    handle({ body, signal }) {
      return claimKeys.claim(parseKeyClaims(body), { timeoutMs: parseTimeout(body), signal })
    },
  })
}
