import type { Call } from '../http/endpoint.ts'
import type { Upload } from './local-media.ts'
import { cleanContentType, cleanFilename } from './media-metadata.ts'
import { steadily } from './steady-upload.ts'

/** The raw body of an upload with what the client says of it. */
export function uploadOf({ request, query }: Pick<Call, 'request' | 'query'>): Upload {
  const announced = request.headers['content-length']
  return {
    // Kept open after a refusal in the middle, so that the client gets to read it.
    source: steadily(request.iterator({ destroyOnReturn: false })),
    size: announced === undefined ? undefined : Number(announced),
    contentType: cleanContentType(request.headers['content-type']),
    filename: cleanFilename(query.filename),
  }
}
