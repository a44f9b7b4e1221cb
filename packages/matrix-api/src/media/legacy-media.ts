import { isOnThisDevice } from '../accounts/on-this-device.ts'
import { type Call, type Endpoint, endpoint } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { FindMedia } from './media.ts'
import type { MediaEndpointDeps } from './media-endpoints.ts'
import { findQuery, thumbnailQuery } from './media-query.ts'
import { serveDownload, serveThumbnail } from './serve-media.ts'

const VERSIONS = ['v3', 'v1'] as const

/**
 * The deprecated `/_matrix/media/…` paths, which Hydrogen and older clients still call without a token. With a token they are
 * the new ones; without, they serve programs on this device, and only what is here (docs/decisions/0003-legacy-media.md).
 */
export function legacyMediaEndpoints({ media }: MediaEndpointDeps): readonly Endpoint[] {
  const [download, ...otherDownloads] = VERSIONS.flatMap((version) => {
    const path = `/_matrix/media/${version}/download/{serverName}/{mediaId}`
    return [path, `${path}/{fileName}`]
  })
  const [thumbnail, ...otherThumbnails] = VERSIONS.map(
    (version) => `/_matrix/media/${version}/thumbnail/{serverName}/{mediaId}`,
  )
  return [
    endpoint({
      method: 'GET',
      path: download ?? '',
      aliases: otherDownloads,
      auth: 'none',
      rate: 'none',
      handle: (call) => serveDownload(media, call, allowed(call)),
    }),
    endpoint({
      method: 'GET',
      path: thumbnail ?? '',
      aliases: otherThumbnails,
      auth: 'none',
      rate: 'none',
      handle: (call) => serveThumbnail(media, call, allowed(call), thumbnailQuery(call.query)),
    }),
  ]
}

/** Throws the 404 of a frozen endpoint for who may not. */
function allowed(call: Call<'none'>): FindMedia {
  const find = findQuery(call)
  if (call.requester) return find
  if (!isOnThisDevice(call.request) || isCrossSite(call)) {
    throw new MatrixError(404, 'M_NOT_FOUND', 'Media is served under /_matrix/client/v1/media, with an access token')
  }
  return { ...find, localOnly: true }
}

/** A page of some web site must not find out, through the browser of whoever visits it, which files are here. */
function isCrossSite({ request }: Call<'none'>): boolean {
  return request.headers['sec-fetch-site'] === 'cross-site'
}
