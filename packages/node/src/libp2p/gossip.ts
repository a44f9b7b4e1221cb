import { createHash } from 'node:crypto'
import { type GossipsubOpts, type Message, StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import { createTopicScoreParams } from '@libp2p/gossipsub/score'
import type { Gossip, GossipValidator, GossipVerdict, PeerId } from '@starling/federation'
import type { Logger } from '@starling/protocol'
import { type Admission, CONFIDENTIAL_GOSSIP_LIMITS, type ConfidentialGossip } from './confidential-gossip.ts'
import type { GossipInternals } from './gossip-internals.ts'
import { plain } from './requests.ts'
import { TransportError } from './transport-error.ts'

/** Subscriptions per peer that gossipsub counts: it charges each topic its name and 1 KiB (GOTCHAS 10). */
const MAX_TOPICS = 10_000

/** Gossip that waits for one slow peer (bad input 74): thirty of the largest messages. */
export const MAX_OUTBOUND_BYTES = 8 * 1024 * 1024

export function gossipsubOptions(): Partial<GossipsubOpts> {
  return {
    // Events authenticate themselves; a second signature per hop would cost CPU and name the publishing peer to everybody.
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: messageId,
    emitSelf: false,
    // Rooms are small: one hop to every member that is connected is the lowest latency there is.
    floodPublish: true,
    batchPublish: true,
    fallbackToFloodsub: false,
    doPX: false,
    // One tag per room on a peer's record, all written again at each change: a minute for 5,000 rooms. The host sets one tag.
    tagMeshPeers: false,
    ignoreDuplicatePublishError: true,
    // Left false on purpose: a message that went to nobody must not count as seen, or sending it again would do nothing.
    allowPublishToZeroTopicPeers: false,
    runOnLimitedConnection: true,
    // By default it is without bound: a peer that stops reading would fill the memory. Beyond it the stream is reset; the sweep
    // opens it anew, and what was in it comes by anti-entropy (GOTCHAS 23).
    maxOutboundBufferSize: MAX_OUTBOUND_BYTES,
    awaitRpcMessageHandler: true,
    maxTopicBytesPerPeer: MAX_TOPICS * 2048,
    decodeRpcLimits: {
      maxSubscriptions: MAX_TOPICS,
      maxMessages: 1024,
      maxIhaveMessageIDs: 5000,
      maxIwantMessageIDs: 5000,
      maxControlMessages: MAX_TOPICS,
      maxIdontwantMessageIDs: 512,
      maxPeerInfos: 16,
    },
    // A household or a NAT is many honest peers on one address (GOTCHAS 12).
    scoreParams: { IPColocationFactorWeight: 0 },
  }
}

/** The same bytes in another room are another message; otherwise spoiling one room would silence the other. */
export function messageId({ topic, data }: Message): Uint8Array {
  return createHash('sha256').update(topic).update('\0').update(data).digest().subarray(0, 20)
}

/**
 * What invalid messages cost (bad input 61): the square of their decaying number. Nine within a minute or so put the sender
 * under gossipsub's graylist threshold of -80, and its RPCs are ignored unread. Nothing is earned or lost by delivery rates:
 * in a quiet room they say nothing.
 */
const TOPIC_SCORE = createTopicScoreParams({
  topicWeight: 1,
  timeInMeshWeight: 0,
  firstMessageDeliveriesWeight: 0,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -1,
  invalidMessageDeliveriesDecay: 0.99,
})

const VERDICTS: Readonly<Record<GossipVerdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

/** The port over gossipsub. Subscriptions may be made before the host starts; they are announced once it does. */
export class Libp2pGossip implements Gossip {
  readonly #gossipsub: GossipInternals
  readonly #confidential: ConfidentialGossip
  readonly #log: Logger
  readonly #validators = new Map<string, GossipValidator>()
  #started = false

  constructor(gossipsub: GossipInternals, confidential: ConfidentialGossip, log: Logger) {
    this.#gossipsub = gossipsub
    this.#confidential = confidential
    this.#log = log
  }

  /** Announces what was subscribed to so far. */
  start(): void {
    this.#started = true
    for (const topic of this.#validators.keys()) this.#join(topic)
  }

  stop(): void {
    this.#started = false
  }

  subscribe(topic: string, validator: GossipValidator): void {
    const known = this.#validators.has(topic)
    this.#validators.set(topic, validator)
    if (!known && this.#started) this.#join(topic)
  }

  unsubscribe(topic: string): void {
    if (!this.#validators.delete(topic) || !this.#started) return
    this.#gossipsub.unsubscribe(topic)
    this.#gossipsub.topicValidators.delete(topic)
    // The topic's score parameters stay: gossipsub looks them up for every peer that was ever scored in it, and throws.
  }

  async publish(topic: string, data: Uint8Array): Promise<{ readonly recipients: number }> {
    if (data.byteLength > CONFIDENTIAL_GOSSIP_LIMITS.maxMessageBytes) {
      throw new TransportError('too-large', `a gossip message of ${data.byteLength} bytes`)
    }
    if (!this.#started) return { recipients: 0 }
    try {
      const { recipients } = await this.#gossipsub.publish(topic, data)
      return { recipients: recipients.length }
    } catch (error) {
      if (error instanceof Error && error.message === NOBODY_SUBSCRIBED) return { recipients: 0 }
      throw error
    }
  }

  setAdmission(admits: (peer: PeerId, topic: string) => boolean): void {
    this.#confidential.setAdmission(admits as Admission)
  }

  reviewAdmission(peer?: PeerId, topic?: string): void {
    this.#confidential.review(peer, topic)
  }

  #join(topic: string): void {
    this.#gossipsub.score.params.topics[topic] = TOPIC_SCORE
    this.#gossipsub.topicValidators.set(topic, async (from, { data }) => {
      const validator = this.#validators.get(topic)
      if (!validator) return TopicValidatorResult.Ignore
      try {
        return VERDICTS[await validator(from.toString() as PeerId, plain(data))]
      } catch (error) {
        this.#log.error({ err: error, topic }, 'gossip validator failed; message ignored')
        return TopicValidatorResult.Ignore
      }
    })
    this.#gossipsub.subscribe(topic)
  }
}

const NOBODY_SUBSCRIBED = 'PublishError.NoPeersSubscribedToTopic'
