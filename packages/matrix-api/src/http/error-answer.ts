import type { Logger } from '@starling/protocol'
import type { Request, Response } from 'express'
import { MatrixError } from './matrix-error.ts'
import { fromRoomError } from './room-errors.ts'

/**
 * The last word on a failed request: Matrix errors as they are, room errors by their table, anything else 500
 * `M_UNKNOWN` with the reason in the log only. A body left unread costs the connection.
 */
export function answerError(error: unknown, request: Request, response: Response, logger: Logger, route: string): void {
  if (response.destroyed) return
  const answer = error instanceof MatrixError ? error : (fromRoomError(error) ?? unexpected(error, logger, route))
  if (response.headersSent) {
    response.destroy()
    return
  }
  const bytes = Buffer.from(JSON.stringify(answer.toBody()), 'utf8')
  response.statusCode = answer.status
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', bytes.length)
  const retryAfterMs = answer.extra.retry_after_ms
  if (typeof retryAfterMs === 'number') response.setHeader('retry-after', Math.ceil(retryAfterMs / 1000))
  if (hasUnreadBody(request)) {
    response.setHeader('connection', 'close')
    response.write(bytes)
    linger(request, response)
    return
  }
  response.end(bytes)
}

/** What a refused sender may still send before the connection is cut, and for how long. */
const LINGER_BYTES = 256 * 1024
const LINGER_MS = 500

/**
 * The answer is on its way; closing at once would reset the connection and destroy it before the client has read it. So a
 * little more of the body is thrown away first.
 */
function linger(request: Request, response: Response): void {
  let left = LINGER_BYTES
  const cut = () => {
    clearTimeout(timer)
    if (!response.writableEnded) response.end(() => request.destroy())
  }
  const timer = setTimeout(cut, LINGER_MS)
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) cut()
  })
  request.once('end', cut).once('close', cut).resume()
}

function hasUnreadBody(request: Request): boolean {
  if (request.complete) return false
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
}

function unexpected(error: unknown, logger: Logger, route: string): MatrixError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  logger.error({ route, error: { name, message, stack } }, 'request failed unexpectedly')
  return new MatrixError(500, 'M_UNKNOWN', 'Internal error')
}
