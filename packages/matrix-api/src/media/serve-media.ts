import type { Call } from '../http/endpoint.ts'
import type { FindMedia, Media } from './media.ts'
import { cleanFilename, contentDisposition } from './media-metadata.ts'
import { serveFile } from './serve-file.ts'
import type { ThumbnailRequest } from './thumbnailer.ts'

/** What of a call is looked at, with a token or without. */
type MediaCall = Pick<Call, 'params' | 'request' | 'response'>

/** Answers with the file; the name in the path, where there is one, stands in for the file's own. */
export function serveDownload(media: Media, call: MediaCall, find: FindMedia): Promise<undefined> {
  return media.with(call.params, find, async (record) => {
    const filename = cleanFilename(call.params.fileName) ?? record.filename
    await serveFile(call.request, call.response, {
      path: media.files.pathOf(record.hash),
      size: record.size,
      contentType: record.contentType,
      contentDisposition: contentDisposition(record.contentType, filename),
      etag: `"${record.hash}"`,
    })
    return undefined
  })
}

/** Answers with a thumbnail, or with the original where that is smaller than asked for. */
export function serveThumbnail(
  media: Media,
  call: MediaCall,
  find: FindMedia,
  request: ThumbnailRequest,
): Promise<undefined> {
  return media.with(call.params, find, async (record) => {
    const thumbnail = await media.thumbnails().thumbnail(record, request)
    const { width, height, method, animated } = request
    await serveFile(call.request, call.response, {
      ...thumbnail,
      contentDisposition: `inline; filename="thumbnail.${thumbnail.contentType.slice('image/'.length)}"`,
      etag: `"${record.hash}-${width}x${height}-${method}-${animated ? 'animated' : 'still'}"`,
    })
    return undefined
  })
}
