import { endpoint } from '../../http/endpoint.ts'
import type { E2eeEndpointDeps } from '../e2ee-endpoints.ts'

/**
 * `POST /keys/device_signing/upload` (Client-Server API, "Cross-signing"). User-Interactive Authentication unless there is no
 * master key yet or the request brings no new key.
 */
export function uploadCrossSigningKeys({ crossSigning, interactiveAuth }: E2eeEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/client/v3/keys/device_signing/upload',
    aliases: ['/_matrix/client/unstable/keys/device_signing/upload'],
    auth: 'token',
    body: 'event',
    async handle(call) {
      const { userId } = call.requester
      const keys = crossSigning.parse(userId, call.body)
      if (await crossSigning.needsAuthentication(userId, keys)) {
        await interactiveAuth.authorize(call, 'replace cross-signing keys')
      }
      await crossSigning.upload(userId, keys)
      return {}
    },
  })
}
