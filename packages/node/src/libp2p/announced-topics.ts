/**
 * What each connected peer says it subscribes to, admitted or not: when a membership changes, the subscription is there to be
 * admitted without the peer's saying it again. A peer can say anything, so this is bounded (bad input 66).
 */
export interface AnnouncedTopicsLimits {
  /** Longer names are not remembered; a topic is a hash, 43 to 64 characters. */
  readonly maxTopicLength: number
  readonly maxTopicsPerPeer: number
  /** Over all peers. When it is reached, the peer with the most topics loses one of its own for each new one. */
  readonly maxTopics: number
}

export const ANNOUNCED_TOPICS_LIMITS: AnnouncedTopicsLimits = {
  maxTopicLength: 128,
  // A node in 10,000 rooms; one entry is about 150 bytes.
  maxTopicsPerPeer: 10_000,
  maxTopics: 200_000,
}

export class AnnouncedTopics {
  readonly #limits: AnnouncedTopicsLimits
  readonly #byPeer = new Map<string, Set<string>>()
  #size = 0

  constructor(limits: AnnouncedTopicsLimits = ANNOUNCED_TOPICS_LIMITS) {
    this.#limits = limits
  }

  get size(): number {
    return this.#size
  }

  /** False where the announcement is over a limit and was not remembered. */
  add(peer: string, topic: string): boolean {
    if (topic.length > this.#limits.maxTopicLength) return false
    const topics = this.#byPeer.get(peer) ?? new Set()
    if (topics.has(topic)) return true
    if (topics.size >= this.#limits.maxTopicsPerPeer) return false
    if (this.#size >= this.#limits.maxTopics && !this.#makeRoom(topics.size)) return false
    this.#byPeer.set(peer, topics)
    topics.add(topic)
    this.#size++
    return true
  }

  delete(peer: string, topic: string): void {
    const topics = this.#byPeer.get(peer)
    if (!topics?.delete(topic)) return
    this.#size--
    if (topics.size === 0) this.#byPeer.delete(peer)
  }

  forget(peer: string): void {
    this.#size -= this.#byPeer.get(peer)?.size ?? 0
    this.#byPeer.delete(peer)
  }

  of(peer: string): ReadonlySet<string> {
    return this.#byPeer.get(peer) ?? new Set()
  }

  peers(): string[] {
    return [...this.#byPeer.keys()]
  }

  /** Takes the place from whoever holds most, unless that would be the newcomer itself. */
  #makeRoom(ownSize: number): boolean {
    let largest: Set<string> | undefined
    for (const topics of this.#byPeer.values()) if (topics.size > (largest?.size ?? ownSize)) largest = topics
    const [victim] = largest ?? []
    if (!largest || victim === undefined) return false
    largest.delete(victim)
    this.#size--
    return true
  }
}
