import { endpoint } from '../http/endpoint.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'

/** `GET /media/config` (Client-Server API, "Content repository"), also under its deprecated paths. */
export function getMediaConfig({ media }: MediaEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v1/media/config',
    aliases: [
      '/_matrix/client/unstable/org.matrix.msc3916/media/config',
      '/_matrix/media/v3/config',
      '/_matrix/media/v1/config',
    ],
    auth: 'token',
    async handle() {
      return { 'm.upload.size': media.limits.maxBytes }
    },
  })
}
