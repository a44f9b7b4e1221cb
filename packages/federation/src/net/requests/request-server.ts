import type { JsonObject } from '@starling/protocol'
import { JsonError } from '@starling/protocol'
import type { PeerId, Transport } from '../../ports.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import type { Ground } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { TokenBuckets } from '../token-buckets.ts'
import { AnswerError } from './answer-error.ts'
import type { AnswerTable } from './answer-table.ts'
import { isSignedByOrigin, parseRequest, type RequestEnvelope, sealEnvelope } from './envelope.ts'
import { ReplayGuard } from './replay-guard.ts'
import type { RequestRelay } from './request-relay.ts'

export const REQUEST_PROTOCOL = '/starling/request/1'
/** The asker's clock is off, or ours is: `server_ts` says what ours shows, and the request may be sent anew by it. */
export const CLOCK_ERRCODE = 'ORG.STARLING.CLOCK'

export interface RequestServerParts {
  readonly ground: Ground
  readonly transport: Transport
  readonly keyRing: ServerKeyRing
  readonly bindings: PeerBindings
  readonly sharedRooms: SharedRooms
  readonly table: AnswerTable
  readonly relay: RequestRelay
  /** `off` only in the twin test that shows what it is for. */
  readonly replayCheck?: 'on' | 'off'
}

/** A message that is no request, or whose sender is nobody: the stream is reset, nothing is answered. */
class DroppedRequest extends Error {
  override readonly name = 'DroppedRequest'
  readonly code: string

  constructor(code: string) {
    super(`request dropped: ${code}`)
    this.code = code
  }
}

/** The answering side of `/starling/request/1`. */
export class RequestServer {
  readonly #parts: RequestServerParts
  readonly #perPeer: TokenBuckets
  readonly #perOrigin: TokenBuckets
  /** Apart, so that strangers, who are many, cannot use up what is remembered of neighbours. */
  readonly #neighbours: ReplayGuard
  readonly #strangers: ReplayGuard
  #running = 0

  constructor(parts: RequestServerParts) {
    this.#parts = parts
    const { clock } = parts.ground
    this.#perPeer = new TokenBuckets(clock, 2 * netLimits.requestBurst, 2 * netLimits.requestsPerSecond)
    this.#perOrigin = new TokenBuckets(clock, netLimits.requestBurst, netLimits.requestsPerSecond)
    this.#neighbours = new ReplayGuard(clock)
    this.#strangers = new ReplayGuard(clock)
  }

  async start(): Promise<void> {
    const limits = {
      maxRequestBytes: netLimits.requestBytes,
      maxConcurrentPerPeer: netLimits.requestsAtOncePerPeer,
      timeoutMs: netLimits.requestTimeoutMs,
    }
    await this.#parts.transport.handleRequests(REQUEST_PROTOCOL, limits, (from, bytes, options) =>
      this.#handle(from, bytes, options.signal),
    )
  }

  async #handle(from: PeerId, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    try {
      const request = await this.#read(from, bytes)
      if (request.destination === this.#parts.keyRing.serverName) {
        return await this.#seal(request, await this.#answer(from, request, signal))
      }
      const relayed = await this.#parts.relay.relay(from, request, bytes, signal)
      return relayed instanceof Uint8Array ? relayed : await this.#seal(request, relayed)
    } catch (error) {
      if (!(error instanceof DroppedRequest)) throw error
      this.#parts.ground.count('request_dropped', error.code)
      this.#parts.ground.logger.debug({ peerId: from, code: error.code }, 'request dropped')
      throw error
    }
  }

  /** Who asks is proven by the signature; who carries, by the connection. */
  async #read(from: PeerId, bytes: Uint8Array): Promise<RequestEnvelope> {
    const { bindings, ground, keyRing, sharedRooms, transport } = this.#parts
    if (!this.#perPeer.take(from)) throw new DroppedRequest('peer-rate')
    const request = parseRequest(bytes)
    if (!request) throw new DroppedRequest('malformed')
    const neighbour = sharedRooms.isNeighbour(request.origin)
    const admitted = await keyRing.admit(request.serverKeys, { keep: neighbour })
    if (!admitted.ok || admitted.server !== request.origin) throw new DroppedRequest('bad-server-keys')
    if (!(await isSignedByOrigin(request, keyRing, ground.crypto.ed25519))) throw new DroppedRequest('bad-signature')
    // The request may be quicker than the key exchange; its own keys say as much of who carries it.
    const document = await keyRing.documentOf(request.origin)
    const unknown = keyRing.serverOfPeer(from) === undefined && transport.connectedPeers().includes(from)
    if (document && unknown) bindings.bind(from, document)
    const carrier = keyRing.serverOfPeer(from)
    if (carrier === undefined) throw new DroppedRequest('stranger')
    // One hop: what was relayed comes from a server that shares a room with us, and it relays for its own peers only.
    if (carrier !== request.origin && !sharedRooms.isNeighbour(carrier)) throw new DroppedRequest('carrier')
    return request
  }

  async #answer(from: PeerId, request: RequestEnvelope, signal: AbortSignal | undefined): Promise<Body> {
    const { ground, sharedRooms } = this.#parts
    try {
      this.#admit(request, sharedRooms.isNeighbour(request.origin))
      this.#running += 1
      try {
        return { status: 200, content: await this.#dispatch(request, signal) }
      } finally {
        this.#running -= 1
      }
    } catch (error) {
      const known = error instanceof AnswerError
      if (!known) ground.logger.error({ origin: request.origin, peerId: from, error }, 'answering a request failed')
      const refusal = known ? error : new AnswerError(500, 'M_UNKNOWN', 'Internal error.')
      ground.count('request_refused', refusal.errcode)
      return {
        status: refusal.status,
        content: { ...refusal.fields, errcode: refusal.errcode, error: refusal.message },
      }
    }
  }

  #admit(request: RequestEnvelope, isNeighbour: boolean): void {
    if (this.#parts.replayCheck !== 'off') {
      const [guard, other] = isNeighbour ? [this.#neighbours, this.#strangers] : [this.#strangers, this.#neighbours]
      // What a stranger asked may not be asked once more after it has come to share a room.
      const before = other.holds(request.origin, request.nonce)
      const freshness = before ? 'replayed' : guard.take(request.origin, request.nonce, request.originServerTs)
      if (freshness === 'replayed') throw new AnswerError(400, 'M_FORBIDDEN', 'This request came before.')
      if (freshness === 'stale') {
        throw new AnswerError(400, CLOCK_ERRCODE, 'The time of the request is not this server’s.', {
          fields: { server_ts: this.#parts.ground.clock.now() },
        })
      }
      if (freshness === 'full') throw tooMany()
    }
    if (!this.#perOrigin.take(request.origin) || this.#running >= netLimits.requestsAtOnce) throw tooMany()
  }

  #dispatch(request: RequestEnvelope, signal: AbortSignal | undefined): Promise<JsonObject> {
    const { origin, method, uri, content } = request
    return this.#parts.table.answer({ origin, method, uri, content, ...(signal ? { signal } : {}) })
  }

  async #seal(request: RequestEnvelope, body: Body): Promise<Uint8Array> {
    const { ground, keyRing } = this.#parts
    const fields = {
      origin: keyRing.serverName,
      destination: request.origin,
      nonce: request.nonce,
      origin_server_ts: ground.clock.now(),
    }
    try {
      return sealEnvelope({ ...fields, status: body.status, content: body.content }, keyRing)
    } catch (error) {
      if (!(error instanceof JsonError)) throw error
      ground.logger.error({ uri: request.uri, error }, 'an answer is no canonical JSON')
      const content = { errcode: 'M_UNKNOWN', error: 'Internal error.' }
      return sealEnvelope({ ...fields, status: 500, content }, keyRing)
    }
  }
}

export interface Body {
  readonly status: number
  readonly content: JsonObject
}

function tooMany(): AnswerError {
  return new AnswerError(429, 'M_LIMIT_EXCEEDED', 'Too many requests.', { fields: { retry_after_ms: 2000 } })
}
