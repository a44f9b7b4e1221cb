import { createHash, timingSafeEqual } from 'node:crypto'
import { hostIsAllowed, LOOPBACK_HOSTS } from '@starling/matrix-api'
import { type RequestHandler, Router } from 'express'
import { isLoopback } from '../http/listener.ts'
import type { NodeInfo } from './node-info.ts'

export interface PeerStatus {
  readonly peer_id: string
  /** The server that the peer has proven to be; null for strangers (DHT peers, relays). */
  readonly server_name: string | null
}

export interface NodeStatus extends NodeInfo {
  /** Seconds since start. */
  readonly uptime: number
  readonly rooms: number
  readonly peers: number
  readonly servers: number
  /** What was refused and why, by stable labels. */
  readonly counters: Readonly<Record<string, number>>
  readonly joins: readonly JoinStatus[]
}

/** A join of a room that is under way. */
export interface JoinStatus {
  readonly room_id: string
  readonly user_id: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  readonly stage: 'asking' | 'fetching' | 'entering' | 'waiting'
  /** Events of the room's state that are here, and of how many; 0 of 0 while that is not known. */
  readonly events: number
  readonly total: number
  /** The server that let the user in. */
  readonly resident: string | null
}

export interface FoundPerson {
  readonly user_id: string
  readonly display_name: string | null
}

/** What the subcommands can ask of a running node. */
export interface NodeControl {
  info(): NodeInfo
  status(): Promise<NodeStatus>
  peers(): readonly PeerStatus[]
  joins(): readonly JoinStatus[]
  search(term: string, signal: AbortSignal): Promise<readonly FoundPerson[]>
  /** A new session of the owner; what it returns is secret. */
  issueOwnerToken(): Promise<{ readonly user_id: string; readonly device_id: string; readonly access_token: string }>
}

/**
 * `/_starling/v1/node` and `/_starling/v1/joins` for whoever is on this machine, and `/_starling/v1/control/…` for whoever can read the data
 * directory. Neither answers anybody who comes from elsewhere, nor a web page that gave 127.0.0.1 a name of its own
 * (DNS rebinding): the page's browser still says that name. `allowedHosts` is for the twin of the test that shows it.
 */
export function controlRoutes(
  control: NodeControl,
  token: string,
  allowedHosts: readonly string[] = LOOPBACK_HOSTS,
): Router {
  const router = Router()
  router.use(loopbackOnly(allowedHosts))
  router.get('/node', (_request, response) => {
    response.json(control.info())
  })
  router.get('/joins', (_request, response) => {
    response.json({ joins: control.joins() })
  })
  router.use('/control', requireToken(token))
  router.get('/control/status', async (_request, response) => {
    response.json(await control.status())
  })
  router.get('/control/peers', (_request, response) => {
    response.json({ peers: control.peers() })
  })
  router.get('/control/search', async (request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    response.json({ results: await control.search(String(request.query.term ?? ''), gone.signal) })
  })
  router.post('/control/token', async (_request, response) => {
    response.json(await control.issueOwnerToken())
  })
  router.use((_request, response) => {
    response.status(404).json({ errcode: 'M_UNRECOGNIZED', error: 'There is nothing at this address' })
  })
  return router
}

function loopbackOnly(allowedHosts: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const isHere = isLoopback(request.socket.remoteAddress ?? '') && hostIsAllowed(request.headers.host, allowedHosts)
    if (isHere) return next()
    response.status(403).json({ errcode: 'M_FORBIDDEN', error: 'Only programs on this machine may ask this' })
  }
}

function requireToken(token: string): RequestHandler {
  const expected = digest(`Bearer ${token}`)
  return (request, response, next) => {
    if (timingSafeEqual(expected, digest(request.headers.authorization ?? ''))) return next()
    response
      .status(401)
      .json({ errcode: 'M_UNKNOWN_TOKEN', error: "Needs the token from the data directory's control.json" })
  }
}

/** Digests have one length, so the comparison takes the same time whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
