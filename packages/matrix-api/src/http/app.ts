import type { Clock, Logger } from '@starling/protocol'
import express, { type Express, type Request, type Response } from 'express'
import { presentedToken, refusal, type TokenCheck, type TokenChecker } from './access-token.ts'
import { addressGroup } from './address-group.ts'
import { readBody } from './body.ts'
import { answerPreflight, setCorsHeaders } from './cors.ts'
import type { Call, Endpoint, Requester } from './endpoint.ts'
import { answerError } from './error-answer.ts'
import { hostIsAllowed } from './host-check.ts'
import { MatrixError } from './matrix-error.ts'
import { NO_RATE_LIMITS, type RateLimiter } from './rate-limits.ts'
import type { RequestGuard } from './request-guard.ts'
import { RouteTable } from './route-table.ts'

/** One answered request, for metrics. `route` is the pattern; it holds no ids. */
export interface RequestRecord {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

export interface AppDeps {
  readonly endpoints: readonly Endpoint[]
  readonly tokens: TokenChecker
  readonly clock: Clock
  readonly logger: Logger
  readonly rateLimiter?: RateLimiter
  /**
   * Host names (no port) to which this listener answers; anything else is 403. Undefined: any, for listeners beyond
   * loopback. A function, where the listener's own port or name is known only later.
   */
  readonly allowedHosts?: readonly string[] | undefined
  readonly onRequest?: ((record: RequestRecord) => void) | undefined
  /** Asked for every request with a valid token, in order. */
  readonly guards?: readonly RequestGuard[]
}

/** What is known of a request under way once it fails. */
interface Progress {
  route: string
  endpoint?: Endpoint
}

/**
 * The Client-Server API as an express app: CORS, host check, route, rate limit, token, body, handler, in this order, so that
 * nothing is read or looked up for a request that is refused anyway. Mount it on a server tuned by `tuneServer`.
 */
export function createMatrixApp(deps: AppDeps): Express {
  const routes = new RouteTable(deps.endpoints)
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.use((request: Request, response: Response) => {
    const started = performance.now()
    const record: Progress = { route: 'unknown' }
    response.once('close', () => {
      const durationMs = performance.now() - started
      deps.onRequest?.({ method: request.method, route: record.route, status: response.statusCode, durationMs })
    })
    return serve(deps, routes, request, response, record).catch((error: unknown) => {
      const showError = error instanceof MatrixError && !response.headersSent && record.endpoint?.showError
      if (showError) showError(error, response)
      else answerError(error, request, response, deps.logger, record.route)
    })
  })
  return app
}

async function serve(
  deps: AppDeps,
  routes: RouteTable,
  request: Request,
  response: Response,
  record: Progress,
): Promise<void> {
  setCorsHeaders(response)
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new MatrixError(400, 'M_UNKNOWN', 'The request names no host')
  }
  if (deps.allowedHosts && !hostIsAllowed(request.headers.host, deps.allowedHosts)) {
    throw new MatrixError(403, 'M_FORBIDDEN', 'This server does not answer to that host name')
  }
  if (request.method === 'OPTIONS') {
    answerPreflight(response)
    return
  }
  const [path = '/', search = ''] = splitUrl(request.url)
  const match = findRoute(routes, request.method, path, response)
  record.route = match.route
  record.endpoint = match.endpoint
  const query = new URLSearchParams(search)
  const requester = await identify(deps, match.endpoint, request, query)
  const call = {
    requester,
    params: match.params,
    query: lastOfEach(query),
    queryAll: (name: string) => query.getAll(name),
    body: await readBody(request, match.endpoint, requester !== undefined),
    signal: signalOf(response),
    request,
    response,
  }
  if (requester) for (const guard of deps.guards ?? []) await guard.permit?.(call as Call, match.endpoint)
  const answer = await match.endpoint.handle(call as Call)
  if (answer !== undefined) sendJson(response, 200, answer)
}

/**
 * Serialises once and sets the length, so that the connection can be kept. Text, not bytes: Node sends headers and a text in one
 * write, headers and bytes in two.
 */
export function sendJson(response: Response, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', Buffer.byteLength(text))
  response.setHeader('cache-control', 'no-store')
  response.end(text)
}

function findRoute(routes: RouteTable, method: string, path: string, response: Response) {
  const match = routes.match(method, path)
  switch (match.kind) {
    case 'found':
      return match
    case 'bad-path':
      throw new MatrixError(400, 'M_INVALID_PARAM', 'The path holds what no path may hold')
    case 'wrong-method':
      response.setHeader('allow', [...match.allowed, 'OPTIONS'].join(', '))
      throw new MatrixError(405, 'M_UNRECOGNIZED', 'Unrecognized request: wrong method')
    case 'unknown':
      throw new MatrixError(404, 'M_UNRECOGNIZED', 'Unrecognized request')
  }
}

/** Whose request it is; takes the rate limit by user where there is one, else by address. */
async function identify(
  deps: AppDeps,
  endpoint: Endpoint,
  request: Request,
  query: URLSearchParams,
): Promise<Requester | undefined> {
  const limiter = deps.rateLimiter ?? NO_RATE_LIMITS
  const ip = request.socket.remoteAddress ?? 'unknown'
  const byAddress = endpoint.auth === 'none'
  if (byAddress) limiter.take(endpoint.rate ?? 'none', addressGroup(ip))
  const token = presentedToken(request, query)
  const check = token === undefined ? undefined : await checkToken(deps.tokens, token, request, ip)
  if (check?.kind === 'valid') {
    if (!byAddress) {
      limiter.take(endpoint.rate ?? (endpoint.method === 'GET' ? 'none' : 'write'), check.requester.userId)
      for (const guard of deps.guards ?? []) await guard.admit?.(check.requester.userId, endpoint)
    }
    return check.requester
  }
  if (endpoint.auth === 'token') throw refusal(check)
  return undefined
}

function checkToken(tokens: TokenChecker, token: string, request: Request, ip: string): Promise<TokenCheck> {
  return tokens.check(token, { ip, userAgent: request.headers['user-agent'] })
}

function splitUrl(url: string): [string, string] {
  const mark = url.indexOf('?')
  return mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
}

function lastOfEach(query: URLSearchParams): Record<string, string> {
  const plain = Object.create(null) as Record<string, string>
  for (const [name, value] of query) plain[name] = value
  return plain
}

function signalOf(response: Response): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
}
