import type { Connection, PeerId as Libp2pPeerId, TypedEventTarget } from '@libp2p/interface'
import type { PeerId } from '@starling/federation'
import type { Libp2p } from 'libp2p'
import { NEIGHBOURS_PROTOCOL } from './neighbours.ts'

type PeerWatcher = { connected(peer: PeerId): void; disconnected(peer: PeerId): void }

/**
 * The connected peers that are Starling nodes: those whose identify message names our protocols. On the public DHT most
 * connections are to strangers' nodes, which federation has no use for.
 */
export class PeerRoster {
  readonly #node: Pick<Libp2p, 'getConnections'> & TypedEventTarget<RosterEvents>
  readonly #peers = new Map<PeerId, Libp2pPeerId>()
  readonly #connected = new Set<PeerId>()
  /** Connected peers whose identify message came, Starling or not. */
  readonly #identified = new Set<PeerId>()
  readonly #watchers = new Set<PeerWatcher>()
  readonly #departures = new Set<(peer: PeerId) => void>()
  readonly #waiting = new Map<PeerId, Set<() => void>>()

  constructor(node: Libp2p) {
    this.#node = node as unknown as Pick<Libp2p, 'getConnections'> & TypedEventTarget<RosterEvents>
    this.#node.addEventListener('peer:connect', ({ detail }) => this.#connected.add(detail.toString() as PeerId))
    this.#node.addEventListener('peer:identify', ({ detail }) => this.#identify(detail.peerId, detail.protocols))
    this.#node.addEventListener('peer:disconnect', ({ detail }) => this.#leave(detail))
  }

  list(): PeerId[] {
    return [...this.#peers.keys()]
  }

  libp2pPeers(): Iterable<Libp2pPeerId> {
    return this.#peers.values()
  }

  /** Connected at all, Starling or not, identified or not yet. */
  isConnected(peer: PeerId): boolean {
    return this.#connected.has(peer)
  }

  connectionsOf(peer: Libp2pPeerId): readonly Connection[] {
    return this.#node.getConnections(peer)
  }

  /** Tells of each Starling peer that is connected now, then of each that comes or goes. Returns the way to stop. */
  watch(watcher: PeerWatcher): () => void {
    this.#watchers.add(watcher)
    for (const peer of this.#peers.keys()) watcher.connected(peer)
    return () => void this.#watchers.delete(watcher)
  }

  /** Every peer, Starling or not, whose last connection closed. Returns the way to stop. */
  onDisconnected(listener: (peer: PeerId) => void): () => void {
    this.#departures.add(listener)
    return () => void this.#departures.delete(listener)
  }

  /** Resolves once the connected peer's identify message is in, so that its protocols are known. Rejects when the signal fires. */
  async identified(peer: PeerId, signal: AbortSignal): Promise<void> {
    if (this.#identified.has(peer)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = this.#waiting.get(peer) ?? new Set()
    this.#waiting.set(peer, waiting.add(resolve))
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
      waiting.delete(resolve)
      if (waiting.size === 0) this.#waiting.delete(peer)
    }
  }

  #identify(libp2pPeer: Libp2pPeerId, protocols: readonly string[]): void {
    const peer = libp2pPeer.toString() as PeerId
    // The message can arrive when the connection is gone already; its `peer:disconnect` will not come again.
    if (this.#node.getConnections(libp2pPeer).length === 0) return
    this.#identified.add(peer)
    for (const resolve of this.#waiting.get(peer) ?? []) resolve()
    if (this.#peers.has(peer) || !protocols.includes(NEIGHBOURS_PROTOCOL)) return
    this.#peers.set(peer, libp2pPeer)
    for (const watcher of this.#watchers) watcher.connected(peer)
  }

  #leave(libp2pPeer: Libp2pPeerId): void {
    const peer = libp2pPeer.toString() as PeerId
    this.#connected.delete(peer)
    this.#identified.delete(peer)
    for (const listener of this.#departures) listener(peer)
    if (!this.#peers.delete(peer)) return
    for (const watcher of this.#watchers) watcher.disconnected(peer)
  }
}

interface RosterEvents {
  'peer:identify': CustomEvent<{ readonly peerId: Libp2pPeerId; readonly protocols: readonly string[] }>
  'peer:connect': CustomEvent<Libp2pPeerId>
  'peer:disconnect': CustomEvent<Libp2pPeerId>
}
