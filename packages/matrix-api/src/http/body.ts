import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { JsonObject } from '@starling/protocol'
import type { Endpoint } from './endpoint.ts'
import { HeldBodies } from './held-bodies.ts'
import { parseJsonBody } from './json.ts'
import { MatrixError } from './matrix-error.ts'

/**
 * Largest JSON bodies, in bytes after decompression. Without a token nobody needs more than a login; with one, a key
 * backup or a to-device message for a large room is the largest that clients send (js-sdk: 200 sessions of about 1 KiB,
 * 20 devices at a time). An event is at most 64 KiB; a room creation may carry several.
 */
export const BODY_LIMITS = { anonymous: 64 * 1024, json: 8 * 1024 * 1024, event: 512 * 1024 } as const

/** A body that arrives more slowly than this in whole is given up with 408. */
const BODY_TIMEOUT_MS = 30_000

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream & Readable>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}

/** Of the whole process, as its memory is. */
const heldByProcess = new HeldBodies()

/** Reads and parses the body of a request for this endpoint; `{}` where there is none. Throws `MatrixError`. */
export async function readBody(
  request: IncomingMessage,
  endpoint: Endpoint,
  hasToken: boolean,
  held = heldByProcess,
): Promise<JsonObject> {
  const kind = endpoint.body ?? 'json'
  if (kind === 'raw' || endpoint.method === 'GET') return {}
  const limit = endpoint.maxBodyBytes ?? (hasToken ? BODY_LIMITS[kind] : BODY_LIMITS.anonymous)
  const bytes = await readBounded(request, limit, held)
  if (bytes.length === 0) return {}
  return parseJsonBody(bytes, kind === 'event' ? 'integers' : 'any')
}

/**
 * The bytes of a body, decompressed, at most `limit` of them. What announces more is refused unread; a compressed body
 * is cut off as soon as it unfolds beyond the limit.
 */
export async function readBounded(request: IncomingMessage, limit: number, held = heldByProcess): Promise<Uint8Array> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limit) throw tooLarge(limit)
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return collect(request, limit, held)
  const decoder = DECODERS[encoding]
  if (!decoder) throw new MatrixError(415, 'M_UNKNOWN', `Content-Encoding ${encoding.slice(0, 20)} is not supported`)
  const plain = decoder()
  request.once('error', (error) => plain.destroy(error))
  request.once('aborted', () => plain.destroy(new Error('aborted')))
  request.pipe(plain)
  try {
    return await collect(plain, limit, held)
  } catch (error) {
    if (error instanceof MatrixError) throw error
    throw new MatrixError(400, 'M_NOT_JSON', `The body is not valid ${encoding}`)
  } finally {
    request.unpipe(plain)
    plain.destroy()
  }
}

function collect(source: Readable, limit: number, held: HeldBodies): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let taken = 0
    const finish = (error: Error | undefined) => {
      clearTimeout(timer)
      held.giveBack(taken)
      source
        .off('data', onData)
        .off('end', onEnd)
        .off('error', onError)
        .off('aborted', onAborted)
        .off('close', onAborted)
      if (error) {
        source.pause()
        reject(error)
      } else resolve(Buffer.concat(chunks, size))
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) return finish(tooLarge(limit))
      try {
        held.take(chunk.length, size)
      } catch (error) {
        return finish(error as MatrixError)
      }
      taken = size
      chunks.push(chunk)
    }
    const onEnd = () => finish(undefined)
    const onError = (error: Error) => finish(error)
    const onAborted = () => finish(new MatrixError(400, 'M_NOT_JSON', 'The body ended early'))
    const timer = setTimeout(
      () => finish(new MatrixError(408, 'M_UNKNOWN', 'The body did not arrive in time')),
      BODY_TIMEOUT_MS,
    )
    source.on('data', onData).on('end', onEnd).on('error', onError).on('aborted', onAborted).on('close', onAborted)
  })
}

function tooLarge(limit: number): MatrixError {
  return new MatrixError(413, 'M_TOO_LARGE', `The body is larger than ${limit} bytes`)
}
