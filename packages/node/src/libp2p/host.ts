import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Gossip, PeerId, Rendezvous, Transport } from '@starling/federation'
import type { Clock } from '@starling/protocol'
import { type AddressPolicy, addressPolicy } from './address-policy.ts'
import { confine } from './confidential-gossip.ts'
import { ConnectionKeeper } from './connection-keeper.ts'
import { type OpenDatastore, openDatastore } from './datastore.ts'
import { dhtRendezvous } from './dht-rendezvous.ts'
import { Libp2pGossip } from './gossip.ts'
import { gossipInternals } from './gossip-internals.ts'
import { sweepGossipStreams } from './gossip-stream-sweep.ts'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { assembleNode } from './libp2p-node.ts'
import { claimListenAddresses } from './listen-addresses.ts'
import { startNeighbours } from './neighbours.ts'
import { type NetworkScope, networkScope } from './network-secret.ts'
import { dialKept, kindOf, notePeer, storedAddresses, trustedOnLan, trustSameHost } from './peer-addresses.ts'
import { PeerRoster } from './peer-roster.ts'
import { keepRelayed } from './relay-keeper.ts'
import { relayQuota } from './relay-quota.ts'
import { joinedRendezvous } from './rendezvous.ts'
import { Libp2pTransport, parseTarget } from './transport.ts'
import { TransportError } from './transport-error.ts'

export interface Libp2pHost extends AsyncDisposable {
  readonly peerId: PeerId
  readonly transport: Transport
  readonly gossip: Gossip
  readonly rendezvous: Rendezvous
  /** What is listened on, fixed at creation; `movedFromDefault` where port 4009 was in use. */
  readonly listening: { readonly addresses: readonly string[]; readonly movedFromDefault: boolean }
  /** Whom this node is a relay for; nobody until it is set. */
  setRelayAdmission(admits: (peer: PeerId) => boolean): void
  /** Listens and looks for peers. Handlers and subscriptions registered before are there for the first peer. */
  start(): Promise<void>
  /** Ends every connection and closes the datastore. A stopped host is not started again. */
  stop(): Promise<void>
}

/**
 * Makes the libp2p host. It opens the datastore and claims its addresses now, and talks to the network only from `start` on.
 * @throws TransportError `bad-address` where an address that was asked for cannot be had.
 */
export async function createLibp2pHost(options: Libp2pHostOptions): Promise<Libp2pHost> {
  const store = await openDatastore(options.datastoreDirectory)
  try {
    return await assembleHost(options, store)
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

const SYSTEM_CLOCK: Clock = { now: () => Date.now() }

/** Announced points are announced again: the public DHT keeps them 48 hours, a private one only while its few nodes stay. */
const REFRESH_MS = { public: 12 * 3600_000, private: 10 * 60_000 } as const

async function assembleHost(options: Libp2pHostOptions, store: OpenDatastore): Promise<Libp2pHost> {
  const { logger: log, clock = SYSTEM_CLOCK } = options
  const network = await networkOf(options, store)
  const { scope, policy } = network
  const quota = relayQuota(clock)
  const { node, dht, circuits, ...assembled } = await assembleNode({
    ...network,
    privateKey: await transportKey(options.transportSeed, store),
    datastore: store.datastore,
    appendAnnounce: options.announce ?? [],
    relayQuota: quota,
  })
  // Before the roster, which tells of the peer: by then its addresses have been judged.
  node.addEventListener('peer:identify', ({ detail }) => trustSameHost(detail, policy))
  const roster = new PeerRoster(node)
  const isConnected = (peer: PeerId) => roster.isConnected(peer)
  const transport = new Libp2pTransport({ node, roster, policy, released: (peer) => keeper.release(peer), log })
  const keeper = new ConnectionKeeper({
    self: transport.peerId,
    isConnected,
    dial: (peer, addresses, signal) => dialKept(node, peer, addresses, signal),
    notes: store.notes,
    clock,
    log,
  })
  const gossipsub = gossipInternals(assembled.gossipsub)
  const confidential = confine(gossipsub)
  roster.onDisconnected((peer) => confidential.forget(peer))
  const gossip = new Libp2pGossip(gossipsub, confidential, log)
  const addressesOf = (peer: PeerId) => storedAddresses(node, peer, policy)
  const neighbours = await startNeighbours({
    transport,
    isConnected,
    onDisconnected: (listener) => roster.onDisconnected(listener),
    addressesOf,
    log,
  })
  const refreshMs = scope.preSharedKey ? REFRESH_MS.private : REFRESH_MS.public
  const onDht = dht && dhtRendezvous({ dht, self: transport.peerId, notes: store.notes, refreshMs, log })
  /** Under way; a stop waits for them, so that whoever was met a moment ago is known at the next start. */
  const noting = new Set<Promise<void>>()
  roster.watch({
    connected: (peer) => {
      const noted = notePeer(node, peer, policy)
        .then((addresses) => keeper.met(peer, addresses))
        .catch((error: unknown) => log.warn({ err: error, peerId: peer }, 'a peer could not be noted'))
        .finally(() => noting.delete(noted))
      noting.add(noted)
    },
    disconnected: (peer) => keeper.lost(peer),
  })
  /** What runs from `start` to `stop`, in the order of starting. */
  const running: { stop(): void | Promise<void> }[] = []

  async function start(): Promise<void> {
    for (const address of await keeper.load()) policy.trust(multiaddr(address))
    for (const target of fixedPeers(options)) {
      const { peer, address } = parseTarget(target)
      if (!address) throw new TransportError('bad-address', `${target} says whom, not where`)
      policy.trust(address)
      keeper.keep(peer.toString() as PeerId, [target])
    }
    await node.start()
    running.push(node)
    requireListening(node.getMultiaddrs().length, network.listen)
    gossip.start()
    const swept = {
      peers: () => roster.libp2pPeers(),
      connectionsOf: roster.connectionsOf.bind(roster),
      returned: (peer: { toString(): string }) => confidential.review(peer.toString()),
    }
    running.push(gossip, neighbours, sweepGossipStreams(gossipsub, swept))
    if (onDht) running.push(onDht)
    running.push(keepRelayed(options.relays ?? [], circuits, log), keeper)
    keeper.start()
    if (options.mdns ?? true) running.push(await startLanDiscovery())
  }

  async function startLanDiscovery(): Promise<{ stop(): Promise<void> }> {
    const { LanDiscovery } = await import('./lan-discovery.ts')
    const lan = new LanDiscovery({
      serviceTag: scope.mdnsServiceTag,
      self: transport.peerId,
      addresses: () => transport.multiaddrs(),
      sighted: (peer, found) => keeper.sighted(peer, trustedOnLan(found, policy)),
      log,
    })
    lan.start()
    return lan
  }

  let stopping: Promise<void> | undefined
  async function stopAll(): Promise<void> {
    await Promise.all(noting)
    for (const part of running.reverse()) await part.stop()
    await store[Symbol.asyncDispose]()
  }
  const stop = () => (stopping ??= stopAll())

  return {
    peerId: transport.peerId,
    transport,
    gossip,
    rendezvous: joinedRendezvous(onDht ? [neighbours, onDht] : [neighbours], log),
    listening: { addresses: network.listen, movedFromDefault: network.moved },
    setRelayAdmission: (admits) => quota.setAdmission(admits),
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

interface HostNetwork {
  readonly scope: NetworkScope
  readonly listen: readonly string[]
  readonly moved: boolean
  readonly policy: AddressPolicy
  readonly publicBootstrap: boolean
  readonly dht: 'off' | 'public' | 'private'
  readonly natTraversal: boolean
}

/** Which network this node is on, and what follows from that. */
async function networkOf(options: Libp2pHostOptions, store: OpenDatastore): Promise<HostNetwork> {
  const scope = await networkScope(options.networkSecret)
  const bootstrap = options.bootstrap ?? 'public'
  const { addresses: listen, moved } = await claimListenAddresses(options.listen, store.notes)
  const onlyLoopback = listen.every((address) => kindOf(address) === 'loopback')
  const onlyPrivate = options.privateAddressesOnly ?? scope.preSharedKey !== undefined
  return {
    scope,
    listen,
    moved,
    policy: addressPolicy({
      privateAddressesOnly: onlyPrivate,
      allowLoopback: options.allowLoopback ?? onlyLoopback,
    }),
    publicBootstrap: bootstrap === 'public' && scope.preSharedKey === undefined,
    dht: scope.preSharedKey ? 'private' : bootstrap === 'none' ? 'off' : 'public',
    natTraversal: !onlyPrivate && !onlyLoopback,
  }
}

function fixedPeers({ bootstrap = 'public', relays = [] }: Libp2pHostOptions): readonly string[] {
  return typeof bootstrap === 'string' ? relays : [...bootstrap, ...relays]
}

function requireListening(found: number, asked: readonly string[]): void {
  if (found > 0 || asked.length === 0) return
  // libp2p does not count failed listening as fatal, because a relay may be down; no address at all is.
  throw new TransportError('bad-address', `listening on none of ${asked.join(', ')}`)
}

async function transportKey(seed: Uint8Array | undefined, store: OpenDatastore): Promise<PrivateKey> {
  if (seed) return generateKeyPairFromSeed('Ed25519', seed)
  if (store.datastore) {
    const { loadOrCreateSelfKey } = await import('@libp2p/config')
    return loadOrCreateSelfKey(store.datastore)
  }
  const { generateKeyPair } = await import('@libp2p/crypto/keys')
  return generateKeyPair('Ed25519')
}
