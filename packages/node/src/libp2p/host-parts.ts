import type { PeerId } from '@starling/federation'
import type { Clock, Logger } from '@starling/protocol'
import { type ConfidentialGossip, confine } from './confidential-gossip.ts'
import { ConnectionKeeper } from './connection-keeper.ts'
import type { Notes } from './datastore.ts'
import { type DhtRendezvous, dhtRendezvous } from './dht-rendezvous.ts'
import { Libp2pGossip } from './gossip.ts'
import { type GossipInternals, gossipInternals } from './gossip-internals.ts'
import type { HostNetwork } from './host-network.ts'
import type { AssembledNode } from './libp2p-node.ts'
import { type Neighbours, startNeighbours } from './neighbours.ts'
import { dialKept, notePeer, storedAddresses, trustSameHost } from './peer-addresses.ts'
import { PeerRoster } from './peer-roster.ts'
import { Libp2pTransport } from './transport.ts'

/** What the host puts around libp2p, wired to it and to each other, not started. */
export interface HostParts extends Pick<AssembledNode, 'node' | 'circuits'> {
  readonly roster: PeerRoster
  readonly transport: Libp2pTransport
  readonly keeper: ConnectionKeeper
  readonly gossipsub: GossipInternals
  readonly confidential: ConfidentialGossip
  readonly gossip: Libp2pGossip
  readonly neighbours: Neighbours
  readonly onDht: DhtRendezvous | undefined
  /** Whoever was met a moment ago is noted, and known at the next start. */
  settled(): Promise<void>
}

/** Announced points are announced again: the public DHT keeps them 48 hours, a private one only while its few nodes stay. */
const REFRESH_MS = { public: 12 * 3600_000, private: 10 * 60_000 } as const

export interface HostWiring {
  readonly assembled: AssembledNode
  readonly network: HostNetwork
  readonly notes: Notes
  readonly clock: Clock
  readonly log: Logger
}

export async function wireHost({ assembled, network, notes, clock, log }: HostWiring): Promise<HostParts> {
  const { node, dht, circuits } = assembled
  const { policy, scope } = network
  // Before the roster, which tells of the peer: by then its addresses have been judged.
  node.addEventListener('peer:identify', ({ detail }) => trustSameHost(detail, policy))
  const roster = new PeerRoster(node)
  const isConnected = (peer: PeerId) => roster.isConnected(peer)
  const transport = new Libp2pTransport({ node, roster, policy, released: (peer) => keeper.release(peer), log })
  const keeper = new ConnectionKeeper({
    self: transport.peerId,
    isConnected,
    dial: (peer, addresses, signal) => dialKept(node, peer, addresses, signal),
    notes,
    clock,
    log,
  })
  const gossipsub = gossipInternals(assembled.gossipsub)
  const confidential = confine(gossipsub)
  roster.onDisconnected((peer) => confidential.forget(peer))
  const neighbours = await startNeighbours({
    transport,
    isConnected,
    onDisconnected: (listener) => roster.onDisconnected(listener),
    addressesOf: (peer) => storedAddresses(node, peer, policy),
    log,
  })
  const refreshMs = scope.preSharedKey ? REFRESH_MS.private : REFRESH_MS.public
  return {
    node,
    circuits,
    roster,
    transport,
    keeper,
    gossipsub,
    confidential,
    gossip: new Libp2pGossip(gossipsub, confidential, log),
    neighbours,
    onDht: dht && dhtRendezvous({ dht, self: transport.peerId, notes, refreshMs, log }),
    settled: notePeers(roster, keeper, (peer) => notePeer(node, peer, policy), log),
  }
}

/** Has the keeper know every Starling node that comes and goes. Returns the wait for what is under way. */
function notePeers(
  roster: PeerRoster,
  keeper: ConnectionKeeper,
  note: (peer: PeerId) => Promise<readonly string[]>,
  log: Logger,
): () => Promise<void> {
  const noting = new Set<Promise<void>>()
  roster.watch({
    connected: (peer) => {
      const noted = note(peer)
        .then((addresses) => keeper.met(peer, addresses))
        .catch((error: unknown) => log.warn({ err: error, peerId: peer }, 'a peer could not be noted'))
        .finally(() => noting.delete(noted))
      noting.add(noted)
    },
    disconnected: (peer) => keeper.lost(peer),
  })
  return async () => {
    await Promise.all(noting)
  }
}
