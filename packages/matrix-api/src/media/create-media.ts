import { endpoint } from '../http/endpoint.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'

/** `POST /_matrix/media/v1/create` (Client-Server API, "Content repository"). */
export function createMedia({ media }: MediaEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/media/v1/create',
    auth: 'token',
    async handle({ requester }) {
      const { mediaId, expiresAt } = await media.local.create(requester.userId)
      return { content_uri: `mxc://${media.serverName}/${mediaId}`, unused_expires_at: expiresAt }
    },
  })
}
