import type { Connection, PeerId } from '@libp2p/interface'
import type { GossipInternals } from './gossip-internals.ts'

/** gossipsub opens its outbound stream once per peer; the sweep sees what it lost. */
const SWEEP_INTERVAL_MS = 2000

export interface GossipStreamSweep {
  stop(): void
  /** One round; returns how many repairs it began. */
  sweep(): number
}

export interface SweptPeers {
  /** Connected peers that speak our protocols. */
  peers(): Iterable<PeerId>
  connectionsOf(peer: PeerId): readonly Connection[]
  /** A peer is back in gossipsub's books: what it announced has to be counted again. */
  returned(peer: PeerId): void
}

/**
 * Repairs gossip streams (GOTCHAS 3, 11). After a simultaneous dial two connections exist; when the one that carries the
 * outbound stream closes, gossipsub 17.1.1 notices nothing, as the peer stays connected, and what this node publishes never
 * reaches it. And after a read error it drops the peer, still connected, and never reads its stream again: the stream is then
 * reset, so that the peer's own sweep opens a new one.
 */
export function sweepGossipStreams(
  gossipsub: GossipInternals,
  { peers, connectionsOf, returned }: SweptPeers,
  intervalMs: number = SWEEP_INTERVAL_MS,
): GossipStreamSweep {
  const sweep = () => {
    let repairs = 0
    for (const peer of peers()) {
      const id = peer.toString()
      const open = connectionsOf(peer).filter(({ status }) => status === 'open')
      const [connection] = open
      if (!connection) continue
      if (!gossipsub.streamsInbound.has(id)) repairs += resetUnread(open, gossipsub.protocols)
      if (gossipsub.streamsOutbound.has(id)) continue
      gossipsub.onPeerConnected(peer, connection)
      returned(peer)
      repairs++
    }
    return repairs
  }
  const timer = setInterval(sweep, intervalMs)
  timer.unref()
  return { sweep, stop: () => clearInterval(timer) }
}

function resetUnread(connections: readonly Connection[], protocols: readonly string[]): number {
  const unread = connections
    .flatMap(({ streams }) => streams)
    .filter(({ direction, protocol, status }) => {
      return direction === 'inbound' && status === 'open' && protocols.includes(protocol)
    })
  for (const stream of unread) stream.abort(new Error('gossip does not read this stream any more'))
  return unread.length
}
