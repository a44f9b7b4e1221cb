import { endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'
import { mediaErrorForClient } from './media-error.ts'
import { uploadOf } from './upload-request.ts'

/** `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}` (Client-Server API, "Content repository"). */
export function uploadToMediaId({ media }: MediaEndpointDeps) {
  return endpoint({
    method: 'PUT',
    path: '/_matrix/media/v3/upload/{serverName}/{mediaId}',
    auth: 'token',
    body: 'raw',
    async handle(call) {
      const { serverName, mediaId = '' } = call.params
      if (serverName !== media.serverName) throw new MatrixError(404, 'M_NOT_FOUND', 'Unknown media ID')
      try {
        await media.local.uploadTo(call.requester.userId, mediaId, uploadOf(call))
        return {}
      } catch (error) {
        throw mediaErrorForClient(error, 'local')
      }
    },
  })
}
