import { createHash } from 'node:crypto'

/** The whitelist of Client-Server API, "Content repository", "Security considerations". */
const MEDIA_ID = /^[A-Za-z0-9_-]{1,255}$/

export function isMediaId(text: string): boolean {
  return MEDIA_ID.test(text)
}

/** SHA-256 in unpadded base64url, and where the same content has another name or type, a `-` and a hash of those. */
const CONTENT_ID = /^([A-Za-z0-9_-]{43})(?:-[A-Za-z0-9_-]{11})?$/
const METADATA_HASH_LENGTH = 11

/** `hash`: SHA-256 of the content, in hex. */
export function contentMediaId(hash: string): string {
  return Buffer.from(hash, 'hex').toString('base64url')
}

/** The id of content whose plain id stands for another file name or type. */
export function contentMediaIdWith(hash: string, contentType: string, filename: string | undefined): string {
  const digest = createHash('sha256').update(JSON.stringify([contentType, filename ?? null]), 'utf8')
  return `${contentMediaId(hash)}-${digest.digest('base64url').slice(0, METADATA_HASH_LENGTH)}`
}

/**
 * SHA-256 in hex of the content that an id stands for, so that any holder can verify it; `undefined` for ids that were made
 * before their content (`POST /media/v1/create`) or by other software.
 */
export function contentHashOf(mediaId: string): string | undefined {
  const encoded = CONTENT_ID.exec(mediaId)?.[1]
  const bytes = encoded === undefined ? undefined : Buffer.from(encoded, 'base64url')
  return bytes?.length === 32 && bytes.toString('base64url') === encoded ? bytes.toString('hex') : undefined
}

/** Bytes of an id made before its content: 24 characters, so never taken for a content id. */
export const PENDING_ID_BYTES = 18
