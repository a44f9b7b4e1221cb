import { endpoint } from '../http/endpoint.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'
import { findQuery, thumbnailQuery } from './media-query.ts'
import { serveThumbnail } from './serve-media.ts'

/** `GET /media/thumbnail/{serverName}/{mediaId}` (Client-Server API, "Thumbnails"). */
export function getThumbnail({ media }: MediaEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}',
    aliases: ['/_matrix/client/unstable/org.matrix.msc3916/media/thumbnail/{serverName}/{mediaId}'],
    auth: 'token',
    handle(call) {
      return serveThumbnail(media, call, { ...findQuery(call), localOnly: false }, thumbnailQuery(call.query))
    },
  })
}
