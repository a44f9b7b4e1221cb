import type {
  ByteStream,
  Gossip,
  GossipValidator,
  GossipVerdict,
  PeerHint,
  PeerId,
  ProtocolLimits,
  Rendezvous,
  RequestHandler,
  RequestOptions,
  Transport,
} from '@starling/federation'
import { streamPair } from '../memory-transport-stream.ts'

interface PeerWatcher {
  connected(peer: PeerId): void
  disconnected(peer: PeerId): void
}

type StreamHandler = (stream: ByteStream) => Promise<void>

/** Stands between a host's answers and those who read them: a malicious server. */
export type Tamper = (protocol: string, request: Uint8Array, honest: () => Promise<Uint8Array>) => Promise<Uint8Array>

/** What a transport reports for a message that its receiver would not have, or reset the stream over. */
export class FuzzTransportError extends Error {
  override readonly name = 'FuzzTransportError'
  readonly code: string

  constructor(code: string, options?: ErrorOptions) {
    super(`transport: ${code}`, options)
    this.code = code
  }
}

/**
 * The three ports that libp2p implements in production, as function calls: bytes thrown at `serve`, `acceptStream` and
 * `hear` reach the very handlers and validators that the product registered, with the limits that it asked for, and nothing
 * is between that could soften them.
 */
export class FuzzHost implements Transport, Gossip, Rendezvous {
  readonly peerId: PeerId
  tamper: Tamper | undefined
  tamperStream: StreamHandler | undefined
  /** Takes no gossip any more. */
  deaf = false
  /** Peers that a cut lies between. */
  readonly cutOff = new Set<PeerId>()
  readonly #connected = new Map<PeerId, FuzzHost>()
  readonly #requests = new Map<string, { readonly limits: ProtocolLimits; readonly handler: RequestHandler }>()
  readonly #streams = new Map<string, StreamHandler>()
  readonly #validators = new Map<string, GossipValidator>()
  readonly #watchers = new Set<PeerWatcher>()
  /** Where others find this host by its PeerId; shared by the hosts of one world. */
  readonly #world: Map<PeerId, FuzzHost>

  constructor(peerId: string, world: Map<PeerId, FuzzHost>) {
    this.peerId = peerId as PeerId
    this.#world = world
    world.set(this.peerId, this)
  }

  // ------------------------------------------------------------------------------------------------ for the fuzzer

  get topics(): readonly string[] {
    return [...this.#validators.keys()]
  }

  /** Bytes of a peer on a request protocol, as the transport hands them over. */
  async serve(from: PeerId, protocol: string, request: Uint8Array): Promise<Uint8Array> {
    const handled = this.#requests.get(protocol)
    if (!handled) throw new FuzzTransportError('unsupported-protocol')
    if (request.length > handled.limits.maxRequestBytes) throw new FuzzTransportError('request-too-large')
    const honest = () => handled.handler(from, request, {})
    return this.tamper ? this.tamper(protocol, request, honest) : honest()
  }

  /** A message of a peer on a topic. */
  async hear(from: PeerId, topic: string, data: Uint8Array): Promise<GossipVerdict> {
    const validator = this.deaf ? undefined : this.#validators.get(topic)
    return validator ? validator(from, data) : 'ignore'
  }

  /** The opener's end of a stream whose other end the product's handler has; `done` settles with the handler. */
  acceptStream(from: PeerId, protocol: string): { readonly stream: ByteStream; readonly done: Promise<void> } {
    const handler = this.tamperStream ?? this.#streams.get(protocol)
    if (!handler) throw new FuzzTransportError('unsupported-protocol')
    const ends = streamPair(from, this.peerId)
    return { stream: ends.near, done: handler(ends.far) }
  }

  connect(other: FuzzHost): void {
    if (this.#connected.has(other.peerId)) return
    this.#attach(other)
    other.#attach(this)
  }

  // ------------------------------------------------------------------------------------------------ Transport

  multiaddrs(): string[] {
    return [`/memory/${this.peerId}/p2p/${this.peerId}`]
  }

  connectedPeers(): PeerId[] {
    return [...this.#connected.keys()]
  }

  async dial(target: string): Promise<PeerId> {
    const peer = target.slice(target.lastIndexOf('/') + 1) as PeerId
    const other = this.#world.get(peer)
    if (!other || other === this || this.cutOff.has(peer)) throw new FuzzTransportError('unreachable')
    this.connect(other)
    return peer
  }

  async rememberAddresses(): Promise<void> {
    // Every PeerId can be dialled here: addresses add nothing.
  }

  async request(
    peer: PeerId,
    protocol: string,
    request: Uint8Array,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    await this.dial(peer)
    await nextTurn()
    options.signal?.throwIfAborted()
    const answer = await (this.#connected.get(peer) as FuzzHost).serve(this.peerId, protocol, request)
    await nextTurn()
    options.signal?.throwIfAborted()
    if (answer.length > (options.maxResponseBytes ?? Number.POSITIVE_INFINITY)) {
      throw new FuzzTransportError('answer-too-large')
    }
    return answer
  }

  async handleRequests(protocol: string, limits: ProtocolLimits, handler: RequestHandler): Promise<void> {
    this.#requests.set(protocol, { limits, handler })
  }

  async openStream(peer: PeerId, protocol: string): Promise<ByteStream> {
    await this.dial(peer)
    const { stream, done } = (this.#connected.get(peer) as FuzzHost).acceptStream(this.peerId, protocol)
    done.catch((error: unknown) => stream.reset(error instanceof Error ? error : new Error(String(error))))
    return stream
  }

  async handleStreams(protocol: string, _limits: ProtocolLimits, handler: StreamHandler): Promise<void> {
    this.#streams.set(protocol, handler)
  }

  watchPeers(watcher: PeerWatcher): () => void {
    this.#watchers.add(watcher)
    for (const peer of this.#connected.keys()) watcher.connected(peer)
    return () => this.#watchers.delete(watcher)
  }

  async disconnect(peer: PeerId): Promise<void> {
    const other = this.#connected.get(peer)
    if (other) other.#detach(this.peerId)
    this.#detach(peer)
  }

  // ------------------------------------------------------------------------------------------------ Gossip, Rendezvous

  get gossip(): Gossip {
    return this
  }

  subscribe(topic: string, validator: GossipValidator): void {
    this.#validators.set(topic, validator)
  }

  unsubscribe(topic: string): void {
    this.#validators.delete(topic)
  }

  async publish(topic: string, data: Uint8Array): Promise<{ readonly recipients: number }> {
    const to = [...this.#connected.values()].filter((host) => host.#validators.has(topic))
    for (const host of to) {
      // A validator may not throw: if one does, the rejection is nobody's, and the run fails.
      setImmediate(() => void host.hear(this.peerId, topic, data))
    }
    return { recipients: to.length }
  }

  setAdmission(): void {
    // Who subscribes is not what is thrown here: `hear` comes after admission.
  }

  reviewAdmission(): void {
    // See `setAdmission`.
  }

  async advertise(): Promise<void> {
    // Nobody is looked for at rendezvous points here.
  }

  async *find(): AsyncIterable<PeerHint> {
    for (const peerId of this.#world.keys()) if (peerId !== this.peerId) yield { peerId, multiaddrs: [] }
  }

  #attach(other: FuzzHost): void {
    this.#connected.set(other.peerId, other)
    for (const watcher of [...this.#watchers]) watcher.connected(other.peerId)
  }

  #detach(peer: PeerId): void {
    if (!this.#connected.delete(peer)) return
    for (const watcher of [...this.#watchers]) watcher.disconnected(peer)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
