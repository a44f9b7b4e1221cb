import { endpoint } from '../http/endpoint.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'
import { findQuery } from './media-query.ts'
import { serveDownload } from './serve-media.ts'

/** The name that the paths had before they were in the spec. */
const UNSTABLE = '/_matrix/client/unstable/org.matrix.msc3916/media/download/{serverName}/{mediaId}'

/** `GET /media/download/{serverName}/{mediaId}`, with or without a file name (Client-Server API, "Content repository"). */
export function downloadMedia({ media }: MediaEndpointDeps) {
  return endpoint({
    method: 'GET',
    path: '/_matrix/client/v1/media/download/{serverName}/{mediaId}',
    aliases: [
      '/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}',
      UNSTABLE,
      `${UNSTABLE}/{fileName}`,
    ],
    auth: 'token',
    handle(call) {
      return serveDownload(media, call, { ...findQuery(call), localOnly: false })
    },
  })
}
