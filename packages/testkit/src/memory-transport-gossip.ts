import { createHash } from 'node:crypto'
import type { Gossip, GossipValidator, PeerId } from '@starling/federation'

/** Messages remembered as seen; the oldest is forgotten first. */
const MAX_SEEN = 20_000

/** What a gossip node needs of its host. */
export interface GossipLinks {
  readonly peerId: PeerId
  connectedPeers(): PeerId[]
  /** Hands `frame` to the peer, some time later, unless the link loses it. */
  send(to: PeerId, frame: GossipFrame): void
}

export type GossipFrame =
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly topic: string }
  | { readonly kind: 'message'; readonly topic: string; readonly data: Uint8Array }

/**
 * Flooding with gossipsub's contract: subscriptions are announced to every peer, a message goes to the peers whose subscription
 * was admitted, what a validator accepts is passed on. As there, admission is decided when the subscription comes and
 * at each review, not at each message.
 */
export class MemoryGossip implements Gossip {
  readonly #links: GossipLinks
  readonly #validators = new Map<string, GossipValidator>()
  /** What peers say that they subscribe to. */
  readonly #asked = new Map<PeerId, Set<string>>()
  readonly #admitted = new Map<PeerId, Set<string>>()
  readonly #seen = new Set<string>()
  #admits: (peer: PeerId, topic: string) => boolean = () => false

  constructor(links: GossipLinks) {
    this.#links = links
  }

  subscribe(topic: string, validator: GossipValidator): void {
    const isNew = !this.#validators.has(topic)
    this.#validators.set(topic, validator)
    if (isNew) this.#announce({ kind: 'subscribe', topic })
  }

  unsubscribe(topic: string): void {
    if (this.#validators.delete(topic)) this.#announce({ kind: 'unsubscribe', topic })
  }

  async publish(topic: string, data: Uint8Array): Promise<{ readonly recipients: number }> {
    this.#markSeen(topic, data)
    return { recipients: this.#flood(topic, data, undefined) }
  }

  setAdmission(admits: (peer: PeerId, topic: string) => boolean): void {
    this.#admits = admits
    this.reviewAdmission()
  }

  reviewAdmission(peer?: PeerId): void {
    for (const one of peer === undefined ? this.#asked.keys() : [peer]) {
      const admitted = [...(this.#asked.get(one) ?? [])].filter((topic) => this.#admits(one, topic))
      this.#admitted.set(one, new Set(admitted))
    }
  }

  /** Peers whose subscription to the topic counts. */
  subscribers(topic: string): PeerId[] {
    return this.#links.connectedPeers().filter((peer) => this.#admitted.get(peer)?.has(topic))
  }

  /** For the host: a new connection. */
  connected(peer: PeerId): void {
    for (const topic of this.#validators.keys()) this.#links.send(peer, { kind: 'subscribe', topic })
  }

  /** For the host: the connection is gone. */
  disconnected(peer: PeerId): void {
    this.#asked.delete(peer)
    this.#admitted.delete(peer)
  }

  /** For the host: a frame came. */
  async receive(from: PeerId, frame: GossipFrame): Promise<void> {
    const asked = this.#asked.get(from) ?? new Set()
    this.#asked.set(from, asked)
    if (frame.kind === 'subscribe') {
      asked.add(frame.topic)
      this.reviewAdmission(from)
    } else if (frame.kind === 'unsubscribe') {
      asked.delete(frame.topic)
      this.#admitted.get(from)?.delete(frame.topic)
    } else if (frame.kind === 'message') await this.#message(from, frame.topic, frame.data)
  }

  async #message(from: PeerId, topic: string, data: Uint8Array): Promise<void> {
    const validator = this.#validators.get(topic)
    if (!validator || !this.#markSeen(topic, data)) return
    const verdict = await validator(from, data)
    if (verdict === 'accept') this.#flood(topic, data, from)
  }

  #flood(topic: string, data: Uint8Array, except: PeerId | undefined): number {
    const to = this.subscribers(topic).filter((peer) => peer !== except)
    for (const peer of to) this.#links.send(peer, { kind: 'message', topic, data })
    return to.length
  }

  #announce(frame: GossipFrame): void {
    for (const peer of this.#links.connectedPeers()) this.#links.send(peer, frame)
  }

  #markSeen(topic: string, data: Uint8Array): boolean {
    const id = createHash('sha256').update(topic).update('\0').update(data).digest('base64')
    if (this.#seen.has(id)) return false
    this.#seen.add(id)
    if (this.#seen.size > MAX_SEEN) this.#seen.delete(this.#seen.values().next().value ?? '')
    return true
  }
}
