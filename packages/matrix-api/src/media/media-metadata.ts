/** What is known of a file's kind and name; both go into headers, so both are cleaned before they are kept. */

const OCTET_STREAM = 'application/octet-stream'
const MAX_TYPE_LENGTH = 255
/** RFC 9110, "Media Type": tokens, parameters with token or quoted values, visible ASCII only. */
const MEDIA_TYPE =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))*$/

/** The media type, or `application/octet-stream` for what is none. */
export function cleanContentType(text: string | undefined): string {
  const trimmed = text?.trim() ?? ''
  return trimmed.length <= MAX_TYPE_LENGTH && MEDIA_TYPE.test(trimmed) ? trimmed : OCTET_STREAM
}

const MAX_FILENAME_LENGTH = 255
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a header may not hold
const CONTROLS = /[\u0000-\u001f\u007f]/g

/** The file name without control characters and cut to size; undefined where nothing is left. */
export function cleanFilename(text: string | undefined): string | undefined {
  const clean = text?.toWellFormed().replace(CONTROLS, '').trim().slice(0, MAX_FILENAME_LENGTH).toWellFormed()
  return clean === '' ? undefined : clean
}

/** Types that a browser may show in place without running anything: Client-Server API, "Serving inline content". */
const INLINE_TYPES: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

/** `Content-Disposition` (RFC 6266): inline only for safe types; the name in ASCII and, if it is not, also in full. */
export function contentDisposition(contentType: string, filename: string | undefined): string {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const disposition = INLINE_TYPES.has(type) ? 'inline' : 'attachment'
  if (filename === undefined) return disposition
  const ascii = filename.replace(/[^\x20-\x7e]/g, '_').replace(/["\\]/g, '\\$&')
  const named = `${disposition}; filename="${ascii}"`
  return /^[\x20-\x7e]*$/.test(filename) ? named : `${named}; filename*=utf-8''${encodeExtended(filename)}`
}

/** RFC 8187 `ext-value` characters. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
