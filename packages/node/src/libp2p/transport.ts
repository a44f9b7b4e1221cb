import type { Connection, PeerId as Libp2pPeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type {
  ByteStream,
  PeerHint,
  PeerId,
  ProtocolLimits,
  RequestHandler,
  RequestOptions,
  Transport,
} from '@starling/federation'
import type { AbortOptions, Logger } from '@starling/protocol'
import type { Libp2p } from 'libp2p'
import type { AddressPolicy } from './address-policy.ts'
import type { PeerRoster } from './peer-roster.ts'
import { answering, exchange, withTimeout } from './requests.ts'
import { asByteStream, serving } from './streams.ts'
import { asTransportError, TransportError } from './transport-error.ts'

export const DIAL_TIMEOUT_MS = 15_000
const OPEN_STREAM_TIMEOUT_MS = 15_000
const HANG_UP_TIMEOUT_MS = 3000
/** Addresses of one hint that are kept. */
const MAX_HINT_ADDRESSES = 16
/** Streams of one protocol at once on one connection; the handlers' own limits are tighter. */
const MAX_STREAMS = 256

export interface TransportSurroundings {
  readonly node: Libp2p
  readonly roster: PeerRoster
  readonly policy: AddressPolicy
  /** The owner closed the connections to a peer on purpose: it is not to be redialled. */
  released(peer: PeerId): void
  readonly log: Logger
}

/** The port over a libp2p node. */
export class Libp2pTransport implements Transport {
  readonly peerId: PeerId
  readonly #node: Libp2p
  readonly #with: TransportSurroundings

  constructor(surroundings: TransportSurroundings) {
    this.#with = surroundings
    this.#node = surroundings.node
    this.peerId = surroundings.node.peerId.toString() as PeerId
  }

  multiaddrs(): string[] {
    return this.#node.getMultiaddrs().map(String)
  }

  connectedPeers(): PeerId[] {
    return this.#with.roster.list()
  }

  /** A multiaddress that is dialled by name is trusted: somebody typed, pasted or configured it. Hints go to `rememberAddresses`. */
  async dial(target: string, options?: AbortOptions): Promise<PeerId> {
    const { peer, address } = parseTarget(target)
    const signal = withTimeout(options?.signal, DIAL_TIMEOUT_MS)
    if (address) this.#with.policy.trust(address)
    return this.#connect(peer, address, signal)
  }

  async rememberAddresses(hint: PeerHint): Promise<void> {
    const peer = parsePeerId(hint.peerId)
    if (peer.equals(this.#node.peerId)) return
    const usable = hint.multiaddrs
      .slice(0, MAX_HINT_ADDRESSES)
      .flatMap((text) => parseMultiaddr(text) ?? [])
      .filter((address) => !this.#with.policy.denies(address))
    if (usable.length > 0) await this.#node.peerStore.merge(peer, { multiaddrs: usable })
  }

  async request(peer: PeerId, protocol: string, request: Uint8Array, options?: RequestOptions): Promise<Uint8Array> {
    const to = parsePeerId(peer)
    return exchange((signal) => this.#openStream(to, protocol, signal), request, options)
  }

  async handleRequests(protocol: string, limits: ProtocolLimits, handler: RequestHandler): Promise<void> {
    await this.#handle(protocol, answering(limits, handler, this.#with.log))
  }

  async openStream(peer: PeerId, protocol: string, options?: AbortOptions): Promise<ByteStream> {
    const signal = withTimeout(options?.signal, OPEN_STREAM_TIMEOUT_MS)
    try {
      return asByteStream(await this.#openStream(parsePeerId(peer), protocol, signal), peer)
    } catch (error) {
      throw asTransportError(error, `${protocol} to ${peer}`, 'unreachable', signal)
    }
  }

  async handleStreams(
    protocol: string,
    limits: ProtocolLimits,
    handler: (stream: ByteStream) => Promise<void>,
  ): Promise<void> {
    await this.#handle(protocol, serving(limits, handler, this.#with.log))
  }

  watchPeers(watcher: { connected(peer: PeerId): void; disconnected(peer: PeerId): void }): () => void {
    return this.#with.roster.watch(watcher)
  }

  async disconnect(peer: PeerId): Promise<void> {
    this.#with.released(peer)
    await this.#node.hangUp(parsePeerId(peer), { signal: AbortSignal.timeout(HANG_UP_TIMEOUT_MS) })
  }

  async #connect(peer: Libp2pPeerId, address: Multiaddr | undefined, signal: AbortSignal): Promise<PeerId> {
    const id = peer.toString() as PeerId
    try {
      await this.#node.dial(address ?? peer, { signal })
      // Only after identify are the peer's protocols known, here and to whoever asks for `connectedPeers`.
      await this.#with.roster.identified(id, signal)
      return id
    } catch (error) {
      throw asTransportError(error, `dial ${address ?? id}`, 'unreachable', signal)
    }
  }

  async #openStream(peer: Libp2pPeerId, protocol: string, signal: AbortSignal): Promise<Stream> {
    return this.#node.dialProtocol(peer, protocol, {
      signal,
      runOnLimitedConnection: true,
      maxOutboundStreams: MAX_STREAMS,
    })
  }

  async #handle(protocol: string, handle: (stream: Stream, from: PeerId) => Promise<void>): Promise<void> {
    await this.#node.handle(
      protocol,
      (stream: Stream, connection: Connection) => handle(stream, connection.remotePeer.toString() as PeerId),
      { runOnLimitedConnection: true, maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS, force: true },
    )
  }
}

/** @throws TransportError `bad-address` */
export function parseTarget(target: string): { readonly peer: Libp2pPeerId; readonly address: Multiaddr | undefined } {
  if (!target.startsWith('/')) return { peer: parsePeerId(target), address: undefined }
  const address = parseMultiaddr(target)
  const id = address?.getComponents().findLast(({ name }) => name === 'p2p')?.value
  if (!address || id === undefined) {
    throw new TransportError('bad-address', `${target} is not a multiaddress that ends in /p2p/<PeerId>`)
  }
  // `/p2p/<PeerId>` alone says whom, not where.
  return { peer: parsePeerId(id), address: address.getComponents().length > 1 ? address : undefined }
}

function parsePeerId(text: string): Libp2pPeerId {
  try {
    return peerIdFromString(text)
  } catch (error) {
    throw new TransportError('bad-address', `${text} is not a PeerId`, { cause: error })
  }
}

function parseMultiaddr(text: string): Multiaddr | undefined {
  try {
    return multiaddr(text)
  } catch {
    return undefined // a peer's word, not worth more than being left out
  }
}
