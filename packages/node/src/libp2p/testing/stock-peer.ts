import { type GossipSub, type GossipsubOpts, gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import type { Libp2pHost } from '../host.ts'

/** A host of ours, or another stock peer. */
export type Reachable = Pick<Libp2pHost, 'peerId' | 'transport'> | StockPeer

/** For tests of defences: a plain libp2p node with gossipsub as it comes, which can also say any RPC it likes. */
export interface StockPeer extends AsyncDisposable {
  readonly node: Libp2p
  readonly pubsub: GossipSub
  /** Every message that reached this node on any topic it subscribed to. */
  readonly received: { readonly topic: string; readonly text: string }[]
  /** Every RPC that came in, before gossipsub looked at it. */
  readonly rpcs: RPC[]
  /** Resolves once the other end has the connection, too, and its protocols are known here. */
  connect(to: Reachable): Promise<void>
  /** Sends this RPC as it is. False while there is no stream to that peer. */
  say(to: Reachable, rpc: Partial<RPC>): boolean
}

interface Inside {
  sendRpc(peer: string, rpc: RPC): boolean
  handleReceivedRpc(from: unknown, rpc: RPC): Promise<void>
}

export async function openStockPeer(options: Partial<GossipsubOpts> = {}): Promise<StockPeer> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      pubsub: gossipsub({ globalSignaturePolicy: StrictNoSign, allowPublishToZeroTopicPeers: true, ...options }),
    },
  })
  const { pubsub } = node.services
  const inside = pubsub as unknown as Inside
  const rpcs: RPC[] = []
  const handle = inside.handleReceivedRpc.bind(pubsub)
  inside.handleReceivedRpc = (from, rpc) => {
    rpcs.push(rpc)
    return handle(from, rpc)
  }
  const received: StockPeer['received'] = []
  pubsub.addEventListener('message', ({ detail }) => {
    received.push({ topic: detail.topic, text: new TextDecoder().decode(detail.data) })
  })
  return {
    node,
    pubsub,
    received,
    rpcs,
    async connect(to) {
      const identified = Promise.withResolvers<void>()
      node.addEventListener('peer:identify', () => identified.resolve(), { once: true })
      await node.dial('node' in to ? to.node.getMultiaddrs() : to.transport.multiaddrs().map((each) => multiaddr(each)))
      await identified.promise
    },
    say: (to, rpc) =>
      inside.sendRpc('node' in to ? to.node.peerId.toString() : to.peerId, { subscriptions: [], messages: [], ...rpc }),
    async [Symbol.asyncDispose]() {
      await node.stop()
    },
  }
}

/** A control message with only these parts. */
export function control(parts: Partial<RPC.ControlMessage>): { readonly control: RPC.ControlMessage } {
  return { control: { ihave: [], iwant: [], graft: [], prune: [], idontwant: [], ...parts } }
}
