import { integerQuery } from '../http/check-input.ts'
import type { Call } from '../http/endpoint.ts'
import { MatrixError } from '../http/matrix-error.ts'
import type { FindMedia } from './media.ts'
import type { ThumbnailRequest } from './thumbnailer.ts'

/** How long a client may wait for media that is announced but not there (`timeout_ms`). */
const TIMEOUT = { min: 0, max: 60_000, fallback: 20_000 } as const

/** Sides of a thumbnail; larger than this is the original's business. */
const MAX_SIDE = 16_384

export function findQuery(call: Pick<Call<'none'>, 'query' | 'signal'>): FindMedia {
  const localOnly = call.query.allow_remote === 'false'
  return { timeoutMs: integerQuery(call.query, 'timeout_ms', TIMEOUT), signal: call.signal, localOnly }
}

/** Throws 400 for sides that are no positive integers and for other methods. */
export function thumbnailQuery(query: Readonly<Record<string, string>>): ThumbnailRequest {
  const { method = 'scale', animated = 'false' } = query
  if (method !== 'crop' && method !== 'scale') throw new MatrixError(400, 'M_INVALID_PARAM', 'method is crop or scale')
  return { width: side(query, 'width'), height: side(query, 'height'), method, animated: animated === 'true' }
}

function side(query: Readonly<Record<string, string>>, name: string): number {
  const text = query[name]
  if (text === undefined) throw new MatrixError(400, 'M_MISSING_PARAM', `Missing parameter: ${name}`)
  const pixels = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (pixels < 1) throw new MatrixError(400, 'M_INVALID_PARAM', `${name} is not a positive integer`)
  return Math.min(pixels, MAX_SIDE)
}
