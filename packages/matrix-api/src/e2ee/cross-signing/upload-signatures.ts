import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'

/** `POST /keys/signatures/upload` (Client-Server API, "Cross-signing"). */
export function uploadSignatures({ keySignatures }: E2eeEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/keys/signatures/upload',
    aliases: ['/_matrix/client/unstable/keys/signatures/upload'],
    auth: 'token',
    body: 'event',
    async handle({ requester, body }) {
      return { failures: await keySignatures.upload(requester.userId, body) }
    },
  })
}
