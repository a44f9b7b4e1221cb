import type { RPC } from '@libp2p/gossipsub/message'
import type { PeerId } from '@libp2p/interface'
import { AnnouncedTopics, type AnnouncedTopicsLimits } from './announced-topics.ts'
import type { GossipInternals } from './gossip-internals.ts'

/** Whether a peer counts as a subscriber of a topic. Asked often: it has to be cheap. */
export type Admission = (peer: string, topic: string) => boolean

/**
 * Topics that only the admitted can read (DESIGN section 4). Stock gossipsub sends a topic's messages to whoever subscribes,
 * takes anybody into its mesh who says GRAFT, and answers IWANT for any message whatever its topic. All three come in by
 * `handleReceivedRpc`; there they are filtered:
 *
 * - SUBSCRIBE of a peer that is not admitted is remembered but does not count, so that flood publishing, fan-out, mesh
 *   building and IHAVE, which all choose from the counted subscribers, never see the peer;
 * - GRAFT of such a peer is dropped, so that forwarding, which sends to the mesh, never sees it either;
 * - IWANT is cut down to ids of messages whose topic the peer is admitted to;
 * - messages of topics that this node is not in are dropped instead of cached and passed on.
 *
 * `review` applies a changed membership to what is already counted.
 */
export interface ConfidentialGossip {
  setAdmission(admits: Admission): void
  /** Asks again for every announced subscription of the peer, or of all peers; of all topics, or of that one. */
  review(peer?: string, topic?: string): void
  /** The peer is gone: forgets what it announced. */
  forget(peer: string): void
}

export interface ConfidentialGossipLimits {
  readonly announced?: AnnouncedTopicsLimits
  /** Messages of one peer that are being validated at once; more are dropped unseen, so that they can be had again later. */
  readonly maxPendingMessagesPerPeer: number
  /** One message's data. Larger ones are dropped unseen. */
  readonly maxMessageBytes: number
  /** All messages of one answer to IWANT: an answer over 4 MiB would cut the asker off from gossip for good (GOTCHAS 11). */
  readonly maxIwantAnswerBytes: number
}

export const CONFIDENTIAL_GOSSIP_LIMITS: ConfidentialGossipLimits = {
  maxPendingMessagesPerPeer: 1024,
  maxMessageBytes: 256 * 1024,
  maxIwantAnswerBytes: 1024 * 1024,
}

/** Puts the filter before `gossipsub`'s own handling. Until `setAdmission`, nobody is admitted to anything. */
export function confine(
  gossipsub: GossipInternals,
  limits: ConfidentialGossipLimits = CONFIDENTIAL_GOSSIP_LIMITS,
): ConfidentialGossip {
  let admits: Admission = () => false
  const announced = new AnnouncedTopics(limits.announced)
  /** Messages being validated, by peer; an entry lives only while its count is above zero. */
  const pending = new Map<string, number>()
  const handleReceivedRpc = gossipsub.handleReceivedRpc.bind(gossipsub)

  gossipsub.handleReceivedRpc = async (from, rpc) => {
    const peer = from.toString()
    const messages = admissibleMessages(peer, rpc.messages)
    const filtered: RPC = {
      subscriptions: rpc.subscriptions.filter((subscription) => countSubscription(peer, subscription)),
      messages,
      ...(rpc.control && { control: admissibleControl(peer, rpc.control) }),
    }
    addPending(peer, messages.length)
    try {
      await handleReceivedRpc(from, filtered)
    } finally {
      addPending(peer, -messages.length)
    }
  }

  function countSubscription(peer: string, { topic, subscribe }: RPC.SubOpts): boolean {
    if (topic === undefined) return false
    if (subscribe !== true) {
      announced.delete(peer, topic)
      return true
    }
    return announced.add(peer, topic) && admits(peer, topic)
  }

  function admissibleControl(peer: string, control: RPC.ControlMessage): RPC.ControlMessage {
    return {
      ...control,
      graft: control.graft.filter(({ topicID }) => topicID !== undefined && admits(peer, topicID)),
      iwant: admissibleIwant(peer, control.iwant),
      // No peer exchange: neither who is in a room is told, nor whom to dial is taken from anybody.
      prune: control.prune.map((prune) => ({ ...prune, peers: [] })),
    }
  }

  function admissibleIwant(peer: string, iwant: readonly RPC.ControlIWant[]): RPC.ControlIWant[] {
    let bytes = 0
    const messageIDs: Uint8Array[] = []
    for (const id of iwant.flatMap((entry) => entry.messageIDs)) {
      const message = gossipsub.mcache.get(id)
      if (!message || !admits(peer, message.topic)) continue
      bytes += message.data?.byteLength ?? 0
      if (bytes > limits.maxIwantAnswerBytes) break
      messageIDs.push(id)
    }
    return messageIDs.length > 0 ? [{ messageIDs }] : []
  }

  function admissibleMessages(peer: string, messages: readonly RPC.Message[]): RPC.Message[] {
    const room = limits.maxPendingMessagesPerPeer - (pending.get(peer) ?? 0)
    return messages
      .filter(
        ({ topic, data }) => gossipsub.subscriptions.has(topic) && (data?.byteLength ?? 0) <= limits.maxMessageBytes,
      )
      .slice(0, Math.max(0, room))
  }

  function addPending(peer: string, count: number): void {
    const sum = (pending.get(peer) ?? 0) + count
    if (sum > 0) pending.set(peer, sum)
    else pending.delete(peer)
  }

  function reviewPeer(id: string, only?: string): void {
    const peer: PeerId | undefined = gossipsub.peers.get(id)
    if (!peer) return
    const asked = announced.of(id)
    for (const topic of only === undefined ? asked : asked.has(only) ? [only] : []) {
      const counts = gossipsub.topics.get(topic)?.has(id) ?? false
      const may = admits(id, topic)
      if (may && !counts) gossipsub.handleReceivedSubscription(peer, topic, true)
    }
    for (const topic of topicsWith(id, only)) if (!admits(id, topic)) expel(peer, id, topic)
  }

  /** Every topic in which something could still be sent to the peer. */
  function topicsWith(id: string, only?: string): Set<string> {
    const found = new Set<string>()
    for (const sets of [gossipsub.topics, gossipsub.mesh, gossipsub.fanout]) {
      if (only !== undefined) {
        if (sets.get(only)?.has(id)) found.add(only)
        continue
      }
      for (const [topic, peers] of sets) if (peers.has(id)) found.add(topic)
    }
    return found
  }

  function expel(peer: PeerId, id: string, topic: string): void {
    gossipsub.handleReceivedSubscription(peer, topic, false)
    gossipsub.mesh.get(topic)?.delete(id)
    gossipsub.fanout.get(topic)?.delete(id)
    const waiting = gossipsub.gossip.get(id)
    if (waiting)
      gossipsub.gossip.set(
        id,
        waiting.filter(({ topicID }) => topicID !== topic),
      )
  }

  return {
    setAdmission(admission) {
      admits = admission
      for (const peer of gossipsub.peers.keys()) reviewPeer(peer)
    },
    review(peer, topic) {
      for (const id of peer === undefined ? gossipsub.peers.keys() : [peer]) reviewPeer(id, topic)
    },
    forget(peer) {
      announced.forget(peer)
    },
  }
}
