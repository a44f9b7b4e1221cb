import type { CircuitRelayServerComponents } from '@libp2p/circuit-relay-v2'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { FaultTolerance, type Listener, type PrivateKey, type Transport } from '@libp2p/interface'
import type { SingleKadDHT } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { type TCPSocketOptions, tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { PeerId } from '@starling/federation'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import type { AddressPolicy } from './address-policy.ts'
import type { Datastore } from './datastore.ts'
import { gossipsubOptions } from './gossip.ts'
import { PUBLIC_BOOTSTRAP } from './libp2p-host-options.ts'
import type { NetworkScope } from './network-secret.ts'
import { preSharedKeyProtector } from './protector.ts'
import type { CircuitListening } from './relay-keeper.ts'
import { meteredRelayServer, RELAY_QUOTA, type RelayQuota } from './relay-quota.ts'

export interface NodeOptions {
  readonly privateKey: PrivateKey
  readonly datastore: Datastore | undefined
  readonly listen: readonly string[]
  readonly appendAnnounce: readonly string[]
  readonly scope: NetworkScope
  /** Looks for first contacts at the public bootstrap nodes. */
  readonly publicBootstrap: boolean
  readonly dht: 'off' | 'public' | 'private'
  /** AutoNAT v2, DCUtR and UPnP: of no use among private addresses. */
  readonly natTraversal: boolean
  readonly policy: AddressPolicy
  readonly relayQuota: RelayQuota
}

export interface AssembledNode {
  readonly node: Libp2p
  readonly gossipsub: GossipSub
  readonly dht: SingleKadDHT | undefined
  readonly circuits: CircuitListening
}

type Services = Readonly<Record<string, (components: never) => unknown>>

/**
 * libp2p with everything that DESIGN section 4 asks for; the versions and their traps are in docs/decisions/0001 and
 * docs/GOTCHAS.md. What is optional is imported only where it is on.
 */
export async function assembleNode(options: NodeOptions): Promise<AssembledNode> {
  const circuitListeners: Listener[] = []
  let transportManager: { listen: CircuitListening['listen'] } | undefined
  const services: Services = {
    ...baseServices(),
    ...(await optionalServices(options)),
    // A service is handed libp2p's components: the only public way to listen on one more address later.
    internals: (components: { transportManager: { listen: CircuitListening['listen'] } }) => {
      transportManager = components.transportManager
      return {}
    },
  }
  const init: Libp2pOptions = {
    start: false,
    privateKey: options.privateKey,
    ...(options.datastore && { datastore: options.datastore }),
    addresses: { listen: [...options.listen], appendAnnounce: [...options.appendAnnounce] },
    transports: await transports(options.policy, circuitListeners),
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(YAMUX)],
    connectionManager: CONNECTION_MANAGER,
    // It aborts healthy connections, and one dead peer makes it patient with all others (GOTCHAS 2): see silent-connections.ts.
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyDialMultiaddr: (address) => options.policy.denies(address),
      denyInboundRelayReservation: (peer) => options.relayQuota.deniesReservation(textOf(peer)),
      denyOutboundRelayedConnection: (from, to) => options.relayQuota.deniesRelaying(textOf(from), textOf(to)),
    },
    peerDiscovery: await peerDiscovery(options),
    services: services as unknown as NonNullable<Libp2pOptions['services']>,
  }
  if (options.scope.preSharedKey) init.connectionProtector = preSharedKeyProtector(options.scope.preSharedKey)
  const node = await createLibp2p(init)
  return {
    node,
    gossipsub: node.services.pubsub as GossipSub,
    dht: node.services.dht as SingleKadDHT | undefined,
    circuits: {
      listeners: circuitListeners,
      listen: async (addresses) => transportManager?.listen(addresses),
    },
  }
}

/** Windows that grow to 16 MiB (the default) would outrun the 4 MiB that libp2p buffers for a reader that pauses. */
const YAMUX = { streamOptions: { maxStreamWindowSize: 2 * 1024 * 1024 } } as const

/** A household behind one NAT, or a test on one loopback, is many connections from one address at once (GOTCHAS 15). */
const CONNECTION_MANAGER = {
  maxConnections: 300,
  inboundConnectionThreshold: 100,
  maxIncomingPendingConnections: 100,
  addressDialTimeout: 5000,
} as const

function baseServices() {
  return {
    identify: identify({ protocolPrefix: 'ipfs', runOnConnectionOpen: true, runOnLimitedConnection: true }),
    identifyPush: identifyPush({ runOnLimitedConnection: true }),
    // kad-dht wants it; nothing of ours calls it (GOTCHAS 2).
    ping: ping(),
    pubsub: gossipsub(gossipsubOptions()),
  }
}

async function optionalServices(options: NodeOptions): Promise<Services> {
  const { circuitRelayServer } = await import('@libp2p/circuit-relay-v2')
  const relay = circuitRelayServer({
    reservations: { applyDefaultLimit: false, maxReservations: RELAY_QUOTA.maxReservations },
  })
  const services: Record<string, (components: never) => unknown> = {
    relay: (components: CircuitRelayServerComponents) => meteredRelayServer(relay, options.relayQuota)(components),
  }
  if (options.dht !== 'off') services.dht = await dhtService(options.dht, options.scope)
  if (options.natTraversal) {
    const [{ autoNATv2 }, { dcutr }, { uPnPNAT }] = await Promise.all([
      import('@libp2p/autonat-v2'),
      import('@libp2p/dcutr'),
      import('@libp2p/upnp-nat'),
    ])
    // Version 1 of AutoNAT closes live relay connections (GOTCHAS 5).
    Object.assign(services, { autonat: autoNATv2(), dcutr: dcutr(), upnp: uPnPNAT() })
  }
  return services
}

async function dhtService(kind: 'public' | 'private', scope: NetworkScope) {
  const { kadDHT, passthroughMapper, removePrivateAddressesMapper } = await import('@libp2p/kad-dht')
  const common = { protocol: scope.dhtProtocol, allowQueryWithZeroPeers: true }
  return kind === 'private'
    ? kadDHT({ ...common, clientMode: false, peerInfoMapper: passthroughMapper })
    : // Without `clientMode` it is a client until AutoNAT or UPnP finds this node reachable (GOTCHAS 13).
      kadDHT({ ...common, peerInfoMapper: removePrivateAddressesMapper })
}

async function transports(policy: AddressPolicy, circuitListeners: Listener[]) {
  const { circuitRelayTransport } = await import('@libp2p/circuit-relay-v2')
  const createCircuits = circuitRelayTransport()
  const circuits: typeof createCircuits = (components) => {
    const transport: Transport = createCircuits(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (listenerOptions) => {
      const listener = createListener(listenerOptions)
      circuitListeners.push(listener)
      return listener
    }
    return transport
  }
  // The type leaves `lookup` out; the options go to Node's `net.connect`, which takes it.
  const dialOpts: TCPSocketOptions & { lookup: AddressPolicy['lookup'] } = { lookup: policy.lookup }
  const guardedTcp = tcp({ dialOpts })
  return [guardedTcp, webSockets(), circuits] as NonNullable<Libp2pOptions['transports']>
}

async function peerDiscovery(options: NodeOptions): Promise<NonNullable<Libp2pOptions['peerDiscovery']>> {
  const found: NonNullable<Libp2pOptions['peerDiscovery']> = []
  if (options.publicBootstrap) {
    const { bootstrap } = await import('@libp2p/bootstrap')
    found.push(bootstrap({ list: [...PUBLIC_BOOTSTRAP], timeout: 500 }))
  }
  return found
}

function textOf(peer: { toString(): string }): PeerId {
  return peer.toString() as PeerId
}
