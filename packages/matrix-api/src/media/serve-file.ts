import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Request, Response } from 'express'
import { MediaError } from './media-error.ts'
import { isMissing } from './media-files.ts'

export interface FileToServe {
  readonly path: string
  readonly size: number
  readonly contentType: string
  readonly contentDisposition: string
  /** Names these very bytes. */
  readonly etag: string
}

/**
 * The spec's policy ("Content repository"): whatever the file holds, a browser runs nothing of it and lets it reach nothing.
 * `plugin-types` is left out, which browsers have dropped and warn about.
 */
const CONTENT_SECURITY_POLICY =
  "sandbox; default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; object-src 'self'; media-src 'self'"

/** Content-addressed or written once: it never changes. Private, as it needs a token. */
const CACHE_CONTROL = 'private, max-age=31536000, immutable'

interface ByteRange {
  readonly from: number
  /** Inclusive. */
  readonly to: number
}

/** Answers with the file, whole or the one range asked for (RFC 9110, "Range Requests"). Throws `MediaError` if it is gone. */
export async function serveFile(request: Request, response: Response, file: FileToServe): Promise<void> {
  const handle = await openFile(file.path)
  try {
    setHeaders(response, file)
    if (request.headers['if-none-match']?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === file.etag)) {
      response.statusCode = 304
      response.end()
      return
    }
    const range = rangeOf(request, file)
    if (range === 'unsatisfiable') {
      response.statusCode = 416
      response.setHeader('content-range', `bytes */${file.size}`)
      response.setHeader('content-length', 0)
      response.end()
      return
    }
    const { from, to } = range ?? { from: 0, to: file.size - 1 }
    if (range) {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${from}-${to}/${file.size}`)
    }
    response.setHeader('content-length', to - from + 1)
    if (request.method === 'HEAD' || file.size === 0) response.end()
    else await send(handle, from, to, response)
  } finally {
    await handle.close()
  }
}

function setHeaders(response: Response, file: FileToServe): void {
  response.setHeader('content-type', file.contentType)
  response.setHeader('content-disposition', file.contentDisposition)
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY)
  response.setHeader('cross-origin-resource-policy', 'cross-origin')
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('referrer-policy', 'no-referrer')
  response.setHeader('cache-control', CACHE_CONTROL)
  response.setHeader('accept-ranges', 'bytes')
  response.setHeader('etag', file.etag)
}

/** The headers are out by the time a client goes away or the disk fails: all that is left is to cut the connection. */
async function send(handle: FileHandle, from: number, to: number, response: Response): Promise<void> {
  const bytes = createReadStream('', { fd: handle, start: from, end: to, autoClose: false })
  try {
    await pipeline(bytes, response)
  } catch (error) {
    response.destroy()
    if (!isConnectionLoss(error)) throw error
  }
}

function isConnectionLoss(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return (
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    code === 'ERR_STREAM_DESTROYED'
  )
}

/** Undefined: the whole file, also for several ranges and ranges of another version, as RFC 9110 allows. */
function rangeOf(request: Request, file: FileToServe): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(request.headers.range ?? '')
  const condition = request.headers['if-range']
  if (!match || (condition !== undefined && condition !== file.etag)) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  const from = first === '' ? Math.max(0, file.size - Number(last)) : Number(first)
  const to = first === '' || last === '' ? file.size - 1 : Math.min(Number(last), file.size - 1)
  if (first !== '' && last !== '' && Number(last) < from) return undefined
  return from > to ? 'unsatisfiable' : { from, to }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (isMissing(error)) throw new MediaError('not-found', 'The content is no longer there', { cause: error })
    throw error
  }
}
