import type { PeerId, Transport } from '../../ports.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
import { netLimits } from '../limits.ts'
import { type Ground, withTimeout } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { TokenBuckets } from '../token-buckets.ts'
import type { RequestEnvelope } from './envelope.ts'
import type { Body } from './request-server.ts'

/** The protocol's name, here because the server that answers imports this file. */
const REQUEST_PROTOCOL = '/starling/request/1'

/**
 * Passes a request on to a server that its asker cannot reach, byte by byte as it came: it is signed, and so is the
 * answer, so nothing can be changed on the way. Only between servers that both share a room with this one, and only
 * from the asker's own peer, so that a request is relayed once.
 */
export class RequestRelay {
  readonly #ground: Ground
  readonly #transport: Transport
  readonly #keyRing: ServerKeyRing
  readonly #sharedRooms: SharedRooms
  readonly #rates: TokenBuckets
  #running = 0

  constructor(ground: Ground, transport: Transport, keyRing: ServerKeyRing, sharedRooms: SharedRooms) {
    this.#ground = ground
    this.#transport = transport
    this.#keyRing = keyRing
    this.#sharedRooms = sharedRooms
    this.#rates = new TokenBuckets(ground.clock, netLimits.relayBurst, netLimits.relaysPerSecond)
  }

  /** The destination's answer as it came, or why there is none (to be signed by this server). `request` is verified. */
  async relay(
    from: PeerId,
    request: RequestEnvelope,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | Body> {
    const refusal = this.#refusal(from, request, bytes)
    if (refusal) {
      this.#ground.count('relay_refused', refusal)
      return failure(403, refusal)
    }
    const [peer] = this.#keyRing.peersOf(request.destination)
    if (peer === undefined) return failure(502, 'not-connected')
    this.#running += 1
    try {
      return await this.#transport.request(peer, REQUEST_PROTOCOL, bytes, {
        signal: withTimeout(netLimits.requestTimeoutMs, signal ? { signal } : {}),
        maxResponseBytes: netLimits.relayAnswerBytes,
      })
    } catch (error) {
      this.#ground.logger.debug({ destination: request.destination, error }, 'relayed request failed')
      return failure(502, 'no-answer')
    } finally {
      this.#running -= 1
    }
  }

  #refusal(from: PeerId, request: RequestEnvelope, bytes: Uint8Array): string | undefined {
    if (this.#keyRing.serverOfPeer(from) !== request.origin) return 'not-from-its-origin'
    if (!this.#sharedRooms.isNeighbour(request.origin)) return 'origin-shares-no-room'
    if (!this.#sharedRooms.isNeighbour(request.destination)) return 'destination-shares-no-room'
    if (bytes.length > netLimits.relayRequestBytes) return 'too-large'
    if (this.#running >= netLimits.relaysAtOnce || !this.#rates.take(request.origin)) return 'too-many'
    return undefined
  }
}

function failure(status: number, reason: string): Body {
  return { status, content: { errcode: 'ORG.STARLING.NOT_RELAYED', error: `Not relayed: ${reason}.` } }
}
