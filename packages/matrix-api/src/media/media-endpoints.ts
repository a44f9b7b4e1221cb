import type { Endpoint } from '../http/endpoint.ts'
import { createMedia } from './create-media.ts'
import { downloadMedia } from './download-media.ts'
import { getMediaConfig } from './get-media-config.ts'
import { getThumbnail } from './get-thumbnail.ts'
import { legacyMediaEndpoints } from './legacy-media.ts'
import type { Media } from './media.ts'
import { getUrlPreview, type UrlPreviewDeps } from './previews/get-url-preview.ts'
import { uploadMedia } from './upload-media.ts'
import { uploadToMediaId } from './upload-to-media-id.ts'

export interface MediaEndpointDeps extends UrlPreviewDeps {
  readonly media: Media
}

/** Client-Server API, "Content repository". */
export function mediaEndpoints(deps: MediaEndpointDeps): readonly Endpoint[] {
  return [
    uploadMedia(deps),
    createMedia(deps),
    uploadToMediaId(deps),
    downloadMedia(deps),
    getThumbnail(deps),
    getMediaConfig(deps),
    getUrlPreview(deps),
    ...legacyMediaEndpoints(deps),
  ]
}
