import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { MatrixError } from '../../http/matrix-error.ts'
import { OutboundError } from '../../http/outbound/outbound-error.ts'
import { mediaErrorForClient } from '../media-error.ts'
import type { UrlPreviews } from './url-previews.ts'

export interface UrlPreviewDeps {
  /** Undefined where the node's owner has not switched previews on. */
  readonly previews: Pick<UrlPreviews, 'preview'> | undefined
}

/**
 * `GET /media/preview_url`, also under its deprecated path. 403 where previews are off or the address is not public; 502 for a
 * page that cannot be had. A newer preview than `ts` asks for is what the spec allows, so `ts` is only checked.
 */
export function getUrlPreview({ previews }: UrlPreviewDeps): Endpoint {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v1/media/preview_url',
    aliases: [
      '/_matrix/client/unstable/org.matrix.msc3916/media/preview_url',
      '/_matrix/media/v3/preview_url',
      '/_matrix/media/v1/preview_url',
    ],
    auth: 'token',
    rate: 'search',
    async handle({ query }) {
      const { url, ts } = query
      if (url === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', 'Missing parameter: url')
      if (!URL.canParse(url)) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a URL: url')
      if (ts !== undefined && !/^\d{1,16}$/.test(ts)) throw new MatrixError(400, 'M_INVALID_PARAM', 'Not a time: ts')
      if (!previews) throw new MatrixError(403, 'M_FORBIDDEN', 'URL previews are off on this node (--url-previews)')
      try {
        return await previews.preview(url)
      } catch (error) {
        throw error instanceof OutboundError ? outboundErrorForClient(error) : mediaErrorForClient(error, 'local')
      }
    },
  })
}

/** What lies behind a refused address is not told. */
function outboundErrorForClient({ code, message }: OutboundError): MatrixError {
  if (code === 'forbidden-address' || code === 'bad-url') return new MatrixError(403, 'M_FORBIDDEN', message)
  return new MatrixError(502, 'M_UNKNOWN', message)
}
