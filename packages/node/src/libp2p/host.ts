import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Gossip, PeerId, Rendezvous, Transport } from '@starling/federation'
import type { Clock } from '@starling/protocol'
import { type OpenDatastore, openDatastore } from './datastore.ts'
import { sweepGossipStreams } from './gossip-stream-sweep.ts'
import { type HostNetwork, hostNetwork } from './host-network.ts'
import { type HostParts, wireHost } from './host-parts.ts'
import type { Libp2pHostOptions } from './libp2p-host-options.ts'
import { assembleNode } from './libp2p-node.ts'
import { trustedOnLan } from './peer-addresses.ts'
import { keepRelayed } from './relay-keeper.ts'
import { relayQuota } from './relay-quota.ts'
import { joinedRendezvous } from './rendezvous.ts'
import { endSilentConnections } from './silent-connections.ts'
import { parseTarget } from './transport.ts'
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
    return await makeHost(options, store)
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

const SYSTEM_CLOCK: Clock = { now: () => Date.now() }

async function makeHost(options: Libp2pHostOptions, store: OpenDatastore): Promise<Libp2pHost> {
  const { clock = SYSTEM_CLOCK } = options
  const network = await hostNetwork(options, store.notes)
  const quota = relayQuota(clock)
  const assembled = await assembleNode({
    ...network,
    privateKey: await transportKey(options.transportSeed, store),
    datastore: store.datastore,
    appendAnnounce: options.announce ?? [],
    relayQuota: quota,
  })
  const parts = await wireHost({ assembled, network, notes: store.notes, clock, log: options.logger })
  const { transport, gossip, neighbours, onDht } = parts
  /** What runs, in the order of starting. */
  const running: Running[] = []
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopAll(parts, running, store)
    return stopping
  }
  return {
    peerId: transport.peerId,
    transport,
    gossip,
    rendezvous: joinedRendezvous(onDht ? [neighbours, onDht] : [neighbours], options.logger),
    listening: { addresses: network.listen, movedFromDefault: network.moved },
    setRelayAdmission: (admits) => quota.setAdmission(admits),
    start: () => startAll(parts, options, network, running),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

type Running = { stop(): void | Promise<void> }

/** Each part is noted in `running` as soon as it runs, so that a start that fails half-way is stopped as far as it got. */
async function startAll(
  parts: HostParts,
  options: Libp2pHostOptions,
  network: HostNetwork,
  running: Running[],
): Promise<void> {
  const { node, circuits, gossip, gossipsub, confidential, roster, keeper, neighbours, onDht } = parts
  await expectPeers(parts, options, network)
  running.push(node)
  await node.start()
  requireListening(node.getMultiaddrs().length, network.listen)
  gossip.start()
  const sweep = sweepGossipStreams(gossipsub, {
    peers: () => roster.libp2pPeers(),
    connectionsOf: (peer) => roster.connectionsOf(peer),
    returned: (peer) => confidential.review(peer.toString()),
  })
  const silence = endSilentConnections({
    connections: () => node.getConnections(),
    isNeeded: (peer) => roster.list().includes(peer.toString() as PeerId),
    log: options.logger,
  })
  running.push(gossip, neighbours, sweep, silence)
  if (onDht) running.push(onDht)
  running.push(keepRelayed(options.relays ?? [], circuits, options.logger), keeper)
  keeper.start()
  if (options.mdns ?? true) running.push(await startLanDiscovery(parts, options, network))
}

async function stopAll(parts: HostParts, running: readonly Running[], store: OpenDatastore): Promise<void> {
  await parts.settled()
  for (const part of running.toReversed()) await part.stop()
  await store[Symbol.asyncDispose]()
}

/** The keeper's peers of the last run, and those of the configuration, are there before the first dial. */
async function expectPeers(
  { keeper }: HostParts,
  { bootstrap = 'public', relays = [] }: Libp2pHostOptions,
  { policy }: HostNetwork,
): Promise<void> {
  for (const address of await keeper.load()) policy.trust(multiaddr(address))
  for (const target of typeof bootstrap === 'string' ? relays : [...bootstrap, ...relays]) {
    const { peer, address } = parseTarget(target)
    if (!address) throw new TransportError('bad-address', `${target} says whom, not where`)
    policy.trust(address)
    keeper.keep(peer.toString() as PeerId, [target])
  }
}

async function startLanDiscovery(
  { transport, keeper }: HostParts,
  { logger: log }: Libp2pHostOptions,
  { scope, policy }: HostNetwork,
): Promise<Running> {
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
