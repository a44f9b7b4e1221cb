import type { GossipSub } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import type { TopicScoreParams } from '@libp2p/gossipsub/score'
import type { Connection, PeerId } from '@libp2p/interface'

/**
 * The parts of gossipsub 17.1.1 that confidential topics stand on and that its types call private. They are looked for when
 * the host is made, so that a release that moves them stops the node with a message instead of opening every room.
 */
export interface GossipInternals extends GossipSub {
  /** Runs for every RPC of a peer, before anything of it takes effect. */
  handleReceivedRpc(from: PeerId, rpc: RPC): Promise<void>
  handleReceivedSubscription(from: PeerId, topic: string, subscribe: boolean): boolean
  /** Makes sure that there is a stream to write to on this connection. */
  onPeerConnected(peer: PeerId, connection: Connection): void
  /** topic → peers that count as subscribed: every way of sending begins here or in `mesh` and `fanout`. */
  readonly topics: ReadonlyMap<string, ReadonlySet<string>>
  readonly subscriptions: ReadonlySet<string>
  readonly peers: ReadonlyMap<string, PeerId>
  readonly mesh: Map<string, Set<string>>
  readonly fanout: Map<string, Set<string>>
  /** peer → IHAVEs that wait to be sent along. */
  readonly gossip: Map<string, { topicID?: string; messageIDs: Uint8Array[] }[]>
  readonly streamsOutbound: ReadonlyMap<string, unknown>
  readonly streamsInbound: ReadonlyMap<string, unknown>
  /** Read at each scoring; a topic without an entry costs its spammers nothing. */
  readonly score: { readonly params: { readonly topics: Record<string, TopicScoreParams> } }
  readonly mcache: { get(messageId: Uint8Array): RPC.Message | undefined }
}

const METHODS = ['handleReceivedRpc', 'handleReceivedSubscription', 'onPeerConnected', 'publish'] as const
const MAPS = ['topics', 'peers', 'mesh', 'fanout', 'gossip', 'streamsOutbound', 'streamsInbound'] as const

export class GossipInternalsError extends Error {
  override readonly name = 'GossipInternalsError'
  readonly code = 'unknown-gossipsub'
}

/** @throws GossipInternalsError where this gossipsub is not the one that the confidentiality of rooms was built on. */
export function gossipInternals(gossipsub: GossipSub): GossipInternals {
  const candidate = gossipsub as GossipInternals
  const missing: string[] = [
    ...METHODS.filter((name) => typeof candidate[name] !== 'function'),
    ...MAPS.filter((name) => !(candidate[name] instanceof Map)),
  ]
  if (!(candidate.subscriptions instanceof Set)) missing.push('subscriptions')
  if (typeof candidate.mcache?.get !== 'function') missing.push('mcache')
  if (typeof candidate.score?.params?.topics !== 'object') missing.push('score.params.topics')
  if (missing.length > 0) {
    throw new GossipInternalsError(
      `this release of @libp2p/gossipsub has no ${missing.join(', ')}; rooms cannot be kept confidential with it`,
    )
  }
  return candidate
}
