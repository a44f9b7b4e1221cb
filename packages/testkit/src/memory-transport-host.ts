import type {
  ByteStream,
  PeerHint,
  PeerId,
  ProtocolLimits,
  Rendezvous,
  RequestHandler,
  RequestOptions,
  Transport,
} from '@starling/federation'
import type { AbortOptions } from '@starling/protocol'
import { MemoryTransportError } from './memory-transport-error.ts'
import { type GossipFrame, MemoryGossip } from './memory-transport-gossip.ts'
import { type StreamEnds, streamPair } from './memory-transport-stream.ts'

/** What a host asks of the network that it is in. */
export interface HostNetwork {
  peer(peerId: PeerId): MemoryHost | undefined
  canReach(from: PeerId, to: PeerId): boolean
  /** Runs the delivery later (after the link's latency) and counts it until it has settled. */
  deliver(from: PeerId, to: PeerId, delivery: () => Promise<void> | void): void
  losesGossip(from: PeerId, to: PeerId): boolean
  /** One way's worth of latency. */
  travel(from: PeerId, to: PeerId): Promise<void>
  advertise(host: PeerHint, points: readonly string[]): void
  advertised(point: string): readonly PeerHint[]
}

interface PeerWatcher {
  connected(peer: PeerId): void
  disconnected(peer: PeerId): void
}

interface Handled<Handler> {
  readonly limits: ProtocolLimits
  readonly handler: Handler
  readonly running: Map<PeerId, number>
}

/** One node of a `MemoryNetwork`: the three ports that the libp2p host implements in production. */
export class MemoryHost implements Transport, Rendezvous {
  readonly peerId: PeerId
  readonly gossip: MemoryGossip
  readonly #network: HostNetwork
  readonly #connections = new Set<PeerId>()
  readonly #watchers = new Set<PeerWatcher>()
  readonly #requests = new Map<string, Handled<RequestHandler>>()
  readonly #streams = new Map<string, Handled<(stream: ByteStream) => Promise<void>>>()
  readonly #openStreams = new Map<PeerId, Set<StreamEnds>>()

  constructor(peerId: PeerId, network: HostNetwork) {
    this.peerId = peerId
    this.#network = network
    this.gossip = new MemoryGossip({
      peerId,
      connectedPeers: () => this.connectedPeers(),
      send: (to, frame) => this.#sendFrame(to, frame),
    })
  }

  multiaddrs(): string[] {
    return [`/memory/${this.peerId}/p2p/${this.peerId}`]
  }

  connectedPeers(): PeerId[] {
    return [...this.#connections]
  }

  async dial(target: string, options?: AbortOptions): Promise<PeerId> {
    options?.signal?.throwIfAborted()
    const peer = (/\/p2p\/([^/]+)$/.exec(target)?.[1] ?? target) as PeerId
    if (this.#connections.has(peer)) return peer
    const remote = this.#network.peer(peer)
    if (!remote || peer === this.peerId || !this.#network.canReach(this.peerId, peer)) {
      throw new MemoryTransportError('unreachable', `cannot dial ${target}`)
    }
    this.attach(peer)
    remote.attach(this.peerId)
    return peer
  }

  async rememberAddresses(): Promise<void> {
    // Every PeerId can be dialled in memory: addresses add nothing.
  }

  async request(
    peer: PeerId,
    protocol: string,
    request: Uint8Array,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    await this.dial(peer, options)
    const remote = this.#network.peer(peer)
    if (!remote) throw new MemoryTransportError('unreachable', `no host ${peer}`)
    const abort = AbortSignal.any([...(options.signal ? [options.signal] : []), AbortSignal.timeout(30_000)])
    const answer = await withAbort(this.#roundTrip(remote, protocol, request), abort)
    if (answer.length > (options.maxResponseBytes ?? Number.POSITIVE_INFINITY)) {
      throw new MemoryTransportError('too-large', `an answer of ${answer.length} bytes`)
    }
    return answer
  }

  async #roundTrip(remote: MemoryHost, protocol: string, request: Uint8Array): Promise<Uint8Array> {
    await this.#network.travel(this.peerId, remote.peerId)
    const answer = await remote.serve(this.peerId, protocol, Uint8Array.from(request))
    await this.#network.travel(remote.peerId, this.peerId)
    if (!this.#connections.has(remote.peerId)) throw new MemoryTransportError('closed', 'the connection closed')
    return Uint8Array.from(answer)
  }

  /** For the network: a request of a connected peer. */
  async serve(from: PeerId, protocol: string, request: Uint8Array): Promise<Uint8Array> {
    const handled = this.#requests.get(protocol)
    if (!handled) throw new MemoryTransportError('unsupported-protocol', protocol)
    if (request.length > handled.limits.maxRequestBytes)
      throw new MemoryTransportError('too-large', 'request too large')
    return counted(handled, from, async () => {
      const signal = AbortSignal.timeout(handled.limits.timeoutMs)
      try {
        return await withAbort(handled.handler(from, request, { signal }), signal)
      } catch (cause) {
        throw new MemoryTransportError('reset', 'the remote reset the stream', { cause })
      }
    })
  }

  async handleRequests(protocol: string, limits: ProtocolLimits, handler: RequestHandler): Promise<void> {
    this.#requests.set(protocol, { limits, handler, running: new Map() })
  }

  async openStream(peer: PeerId, protocol: string, options?: AbortOptions): Promise<ByteStream> {
    await this.dial(peer, options)
    const remote = this.#network.peer(peer)
    if (!remote?.speaksStream(protocol)) throw new MemoryTransportError('unsupported-protocol', protocol)
    const ends = streamPair(this.peerId, peer)
    this.#keep(peer, ends)
    this.#network.deliver(this.peerId, peer, () => remote.acceptStream(protocol, ends))
    return ends.near
  }

  async handleStreams(
    protocol: string,
    limits: ProtocolLimits,
    handler: (stream: ByteStream) => Promise<void>,
  ): Promise<void> {
    this.#streams.set(protocol, { limits, handler, running: new Map() })
  }

  speaksStream(protocol: string): boolean {
    return this.#streams.has(protocol)
  }

  /** For the network: a stream that a peer opened. */
  async acceptStream(protocol: string, ends: StreamEnds): Promise<void> {
    const handled = this.#streams.get(protocol)
    if (!handled) return ends.far.reset(new MemoryTransportError('unsupported-protocol', protocol))
    this.#keep(ends.far.remotePeer, ends)
    try {
      await counted(handled, ends.far.remotePeer, () => handled.handler(ends.far))
    } catch (error) {
      ends.far.reset(error instanceof Error ? error : new Error(String(error)))
    }
  }

  watchPeers(watcher: PeerWatcher): () => void {
    this.#watchers.add(watcher)
    for (const peer of this.#connections) watcher.connected(peer)
    return () => this.#watchers.delete(watcher)
  }

  async disconnect(peer: PeerId): Promise<void> {
    this.#network.peer(peer)?.detach(this.peerId)
    this.detach(peer)
  }

  async advertise(points: readonly string[]): Promise<void> {
    this.#network.advertise({ peerId: this.peerId, multiaddrs: this.multiaddrs() }, points)
  }

  async *find(point: string, options?: AbortOptions): AsyncIterable<PeerHint> {
    for (const hint of this.#network.advertised(point)) {
      if (options?.signal?.aborted) return
      if (hint.peerId !== this.peerId) yield hint
    }
  }

  /** For the network: a connection came up. */
  attach(peer: PeerId): void {
    if (this.#connections.has(peer)) return
    this.#connections.add(peer)
    for (const watcher of [...this.#watchers]) watcher.connected(peer)
    this.gossip.connected(peer)
  }

  /** For the network: a connection went. */
  detach(peer: PeerId): void {
    if (!this.#connections.delete(peer)) return
    for (const ends of this.#openStreams.get(peer) ?? []) ends.cut()
    this.#openStreams.delete(peer)
    this.gossip.disconnected(peer)
    for (const watcher of [...this.#watchers]) watcher.disconnected(peer)
  }

  #sendFrame(to: PeerId, frame: GossipFrame): void {
    if (frame.kind === 'message' && this.#network.losesGossip(this.peerId, to)) return
    this.#network.deliver(this.peerId, to, async () => {
      if (this.#connections.has(to)) await this.#network.peer(to)?.gossip.receive(this.peerId, frame)
    })
  }

  #keep(peer: PeerId, ends: StreamEnds): void {
    const open = this.#openStreams.get(peer) ?? new Set()
    open.add(ends)
    this.#openStreams.set(peer, open)
  }
}

async function counted<T>(handled: Handled<unknown>, from: PeerId, run: () => Promise<T>): Promise<T> {
  const running = handled.running.get(from) ?? 0
  if (running >= handled.limits.maxConcurrentPerPeer) throw new MemoryTransportError('too-many', 'too many at once')
  handled.running.set(from, running + 1)
  try {
    return await run()
  } finally {
    const left = (handled.running.get(from) ?? 1) - 1
    if (left === 0) handled.running.delete(from)
    else handled.running.set(from, left)
  }
}

async function withAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(new MemoryTransportError('timeout', 'given up', { cause: signal.reason }))
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
