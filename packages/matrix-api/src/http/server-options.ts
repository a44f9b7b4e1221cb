import type { Server, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { CONNECTION_LIMITS, type ConnectionLimits, limitConnections } from './connection-limits.ts'
import { setCorsHeaders } from './cors.ts'

/** For `http.createServer`: bounds on what a client may do before a request reaches the app. */
export const serverOptions: ServerOptions = {
  /** Header bytes; more is 431. */
  maxHeaderSize: 16 * 1024,
  /** From the first byte to the last of the headers: slow senders are cut with 408. */
  headersTimeout: 10_000,
  /**
   * Of the whole request: none, since a large upload may take long. JSON bodies have their own time (`body.ts`), uploads must make
   * progress (`media/steady-upload.ts`), and what nobody reads ends with the answer (`LINGER_MS`).
   */
  requestTimeout: 0,
  /** How often the headers' time is looked at. */
  connectionsCheckingInterval: 5_000,
  /** Longer than common client pools keep idle connections, so that it is the client that closes. */
  keepAliveTimeout: 75_000,
  /** The app refuses what names no host: Node's own refusal is an empty 400 that no page can read. */
  requireHostHeader: false,
  insecureHTTPParser: false,
}

/** A long-poll is answered within two minutes (`/sync` timeouts are clamped below it); a reader may stall no longer. */
const SOCKET_IDLE_MS = 150_000

/** For the rest of a request whose answer is out: a body that nobody wanted. */
const LINGER_MS = 5_000

/** Sockets at once; browsers use six per origin. Beyond that new ones are dropped. */
const MAX_CONNECTIONS = 2_000

const STATUS_OF: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** Other waits and bounds than the usual ones, in milliseconds. */
export interface Patience {
  readonly idleMs?: number
  readonly lingerMs?: number
  readonly limits?: ConnectionLimits
}

/** Settings that `createServer` does not take, and Matrix errors for what Node refuses before the app sees it. */
export function tuneServer(
  server: Server,
  { idleMs = SOCKET_IDLE_MS, lingerMs = LINGER_MS, limits = CONNECTION_LIMITS }: Patience = {},
): void {
  server.setTimeout(idleMs)
  limitConnections(server, limits)
  server.on('request', (request, response) => {
    response.once('finish', () => {
      const { socket } = request
      if (request.complete) return
      const timer = setTimeout(() => {
        if (!request.complete) socket.destroy()
      }, lingerMs)
      socket.once('close', () => clearTimeout(timer))
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  server.maxRequestsPerSocket = 0
  // Nobody asks for anything but `100-continue`; Node's own refusal is an empty 417.
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    setCorsHeaders(response)
    const body = JSON.stringify({ errcode: 'M_UNKNOWN', error: 'What the request expects is not offered' })
    response.writeHead(417, { 'content-type': 'application/json', connection: 'close' }).end(body)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const body = JSON.stringify({ errcode: 'M_UNKNOWN', error: 'The request is malformed or too slow' })
    socket.end(
      [
        `HTTP/1.1 ${STATUS_OF[error.code ?? ''] ?? '400 Bad Request'}`,
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Access-Control-Allow-Origin: *',
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    )
  })
}
