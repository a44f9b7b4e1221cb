import { createHash } from 'node:crypto'
import type { PeerHint, PeerId, RequestHandler, Transport } from '@starling/federation'
import type { AbortOptions, Logger } from '@starling/protocol'

/**
 * Rendezvous among connected nodes (docs/decisions/0002): the finder that needs no DHT and no internet. Each node tells each
 * Starling peer that it is connected to which points it advertises, as hashes, right after connecting and when they change.
 * A look-up reads what the neighbours told (no message at all) and asks each neighbour what its own neighbours told (one round
 * trip). Nothing outlives the connection it was told on.
 *
 * Messages on `/starling/neighbours/1`, JSON: `{advertise: [hash…]}` → `{}`, `{find: hash}` → `{hints: [{peerId, multiaddrs}]}`.
 */
export const NEIGHBOURS_PROTOCOL = '/starling/neighbours/1'

/** A node advertises five points per account name; a family box has a few accounts. Excess ones are dropped from the end. */
const MAX_POINTS_PER_PEER = 128
/** Hints in one answer, and addresses in one hint. */
const MAX_HINTS = 16
const MAX_ADDRESSES = 16
const HASH = /^[A-Za-z0-9_-]{43}$/

const LIMITS = { maxRequestBytes: 16 * 1024, maxConcurrentPerPeer: 8, timeoutMs: 5000 } as const
const MAX_ANSWER_BYTES = 64 * 1024
const ASK_TIMEOUT_MS = 3000

export interface Neighbours {
  /** Replaces what this node advertises and tells every neighbour. */
  advertise(points: readonly string[]): Promise<void>
  /** Direct neighbours at once, then theirs. */
  find(point: string, options?: AbortOptions): AsyncGenerator<PeerHint>
  stop(): void
}

export interface NeighboursSurroundings {
  readonly transport: Pick<Transport, 'handleRequests' | 'request' | 'watchPeers' | 'connectedPeers' | 'peerId'>
  /** Connected at all; a peer may tell its points before its identify message is in. */
  isConnected(peer: PeerId): boolean
  /** Each peer whose last connection closed. Returns the way to stop. */
  onDisconnected(listener: (peer: PeerId) => void): () => void
  addressesOf(peer: PeerId): Promise<readonly string[]>
  readonly log: Logger
}

export async function startNeighbours(surroundings: NeighboursSurroundings): Promise<Neighbours> {
  const { transport, addressesOf, log } = surroundings
  let own: readonly string[] = []
  /** Told by connected peers only; at most `MAX_POINTS_PER_PEER` each. */
  const told = new Map<PeerId, ReadonlySet<string>>()

  const answer: RequestHandler = async (from, request) => {
    const message = parse(request)
    if (Array.isArray(message.advertise)) {
      // Told while not connected any more: there would be nothing to take it away again.
      if (surroundings.isConnected(from)) told.set(from, hashesIn(message.advertise))
      return encode({})
    }
    return encode({ hints: typeof message.find === 'string' ? await hintsFor(message.find, from) : [] })
  }

  async function hintsFor(hash: string, except: PeerId): Promise<PeerHint[]> {
    const holders = [...told].filter(([peer, hashes]) => peer !== except && hashes.has(hash)).slice(0, MAX_HINTS)
    return Promise.all(
      holders.map(async ([peerId]) => ({ peerId, multiaddrs: (await addressesOf(peerId)).slice(0, MAX_ADDRESSES) })),
    )
  }

  async function tell(peer: PeerId): Promise<void> {
    try {
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS)
      await transport.request(peer, NEIGHBOURS_PROTOCOL, encode({ advertise: own }), {
        signal,
        maxResponseBytes: MAX_ANSWER_BYTES,
      })
    } catch (error) {
      log.debug({ peerId: peer, err: error }, 'neighbour did not take our rendezvous points')
    }
  }

  async function ask(peer: PeerId, hash: string, signal: AbortSignal): Promise<PeerHint[]> {
    try {
      const answered = await transport.request(peer, NEIGHBOURS_PROTOCOL, encode({ find: hash }), {
        signal,
        maxResponseBytes: MAX_ANSWER_BYTES,
      })
      return hintsIn(parse(answered).hints)
    } catch (error) {
      log.debug({ peerId: peer, err: error }, 'neighbour did not answer a look-up')
      return []
    }
  }

  await transport.handleRequests(NEIGHBOURS_PROTOCOL, LIMITS, answer)
  const stopForgetting = surroundings.onDisconnected((peer) => void told.delete(peer))
  const stopWatching = transport.watchPeers({
    connected: (peer) => {
      if (own.length > 0) void tell(peer)
    },
    disconnected: () => undefined,
  })

  return {
    async advertise(points) {
      own = points.slice(0, MAX_POINTS_PER_PEER).map(hashOf)
      await Promise.all(transport.connectedPeers().map(tell))
    },
    async *find(point, options) {
      const hash = hashOf(point)
      const found = new Set<PeerId>([transport.peerId])
      const fresh = ({ peerId }: PeerHint) => !found.has(peerId) && found.add(peerId)
      yield* (await hintsFor(hash, transport.peerId)).filter(fresh)
      const timeout = AbortSignal.timeout(ASK_TIMEOUT_MS)
      const signal = options?.signal ? AbortSignal.any([options.signal, timeout]) : timeout
      const pending = new Map(
        transport.connectedPeers().map((peer) => [peer, ask(peer, hash, signal).then((hints) => ({ peer, hints }))]),
      )
      while (pending.size > 0) {
        const { peer, hints } = await Promise.race(pending.values())
        pending.delete(peer)
        yield* hints.filter(fresh)
      }
    },
    stop() {
      stopForgetting()
      stopWatching()
    },
  }
}

function hashOf(point: string): string {
  return createHash('sha256').update(`starling rendezvous ${point}`).digest('base64url')
}

function hashesIn(list: readonly unknown[]): ReadonlySet<string> {
  const hashes = list.filter((entry): entry is string => typeof entry === 'string' && HASH.test(entry))
  return new Set(hashes.slice(0, MAX_POINTS_PER_PEER))
}

function hintsIn(list: unknown): PeerHint[] {
  if (!Array.isArray(list)) return []
  return list.slice(0, MAX_HINTS).flatMap((entry: unknown) => {
    const { peerId, multiaddrs } = (entry ?? {}) as Record<string, unknown>
    if (typeof peerId !== 'string' || !Array.isArray(multiaddrs)) return []
    const addresses = multiaddrs.filter((address): address is string => typeof address === 'string')
    return [{ peerId: peerId as PeerId, multiaddrs: addresses.slice(0, MAX_ADDRESSES) }]
  })
}

/** An object in any case: what is not one has none of the fields. @throws SyntaxError on what is not JSON. */
function parse(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
