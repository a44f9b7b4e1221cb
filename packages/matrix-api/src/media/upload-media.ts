import { endpoint } from '../http/endpoint.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'
import { mediaErrorForClient } from './media-error.ts'
import { uploadOf } from './upload-request.ts'

/** `POST /_matrix/media/v3/upload` (Client-Server API, "Content repository"). */
export function uploadMedia({ media }: MediaEndpointDeps) {
  return endpoint({
    method: 'POST',
    path: '/_matrix/media/v3/upload',
    aliases: ['/_matrix/media/v1/upload'],
    auth: 'token',
    body: 'raw',
    async handle(call) {
      try {
        const mediaId = await media.local.upload(call.requester.userId, uploadOf(call))
        return { content_uri: `mxc://${media.serverName}/${mediaId}` }
      } catch (error) {
        throw mediaErrorForClient(error, 'local')
      }
    },
  })
}
