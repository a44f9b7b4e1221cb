import type { PeerHint, PeerId } from '@starling/federation'
import { type HostNetwork, MemoryHost } from './memory-transport-host.ts'

export interface MemoryNetworkOptions {
  /** Seeds the losses: the same seed loses the same messages. Default 1. */
  readonly seed?: number
  /** Chance in [0, 1) that a gossip message is lost on one link. Requests and streams are reliable, as TCP is. Default 0. */
  readonly gossipLoss?: number
  /** One-way delay of a link in milliseconds. Default 0: the next turn of the event loop. */
  readonly latencyMs?: number
}

/**
 * Hosts in one process that can be linked, cut and partitioned. Deliveries are asynchronous and in order per link;
 * `settled()` tells when nothing is under way any more, so that tests wait for it and not for time.
 *
 * @example
 * const network = new MemoryNetwork()
 * const [a, b] = [network.host('a'), network.host('b')]
 * await network.connect(a, b)
 */
export class MemoryNetwork {
  readonly #hosts = new Map<PeerId, MemoryHost>()
  readonly #cut = new Set<string>()
  readonly #points = new Map<string, Map<PeerId, PeerHint>>()
  readonly #options: MemoryNetworkOptions
  readonly #idle = new Set<() => void>()
  #random: number
  #underWay = 0
  /** Gossip messages lost so far, for the guard that faults really happened. */
  lost = 0

  constructor(options: MemoryNetworkOptions = {}) {
    this.#options = options
    this.#random = options.seed ?? 1
  }

  /** Makes a host that can dial, and be dialled by, every other one that no cut lies between. */
  host(peerId: string): MemoryHost {
    const id = peerId as PeerId
    const host = new MemoryHost(id, this.#hostNetwork())
    this.#hosts.set(id, host)
    return host
  }

  async connect(a: MemoryHost, b: MemoryHost): Promise<void> {
    await a.dial(b.peerId)
  }

  /** Closes the connection and refuses new ones until `mend`. */
  async cut(a: MemoryHost, b: MemoryHost): Promise<void> {
    this.#cut.add(pair(a.peerId, b.peerId))
    await a.disconnect(b.peerId)
  }

  /** Allows connections again; does not make one. */
  mend(a: MemoryHost, b: MemoryHost): void {
    this.#cut.delete(pair(a.peerId, b.peerId))
  }

  /** Cuts every pair of hosts that are not in the same group. */
  async partition(...groups: readonly (readonly MemoryHost[])[]): Promise<void> {
    for (const [index, group] of groups.entries()) {
      const others = groups.slice(index + 1).flat()
      for (const host of group) for (const other of others) await this.cut(host, other)
    }
  }

  /** Mends every cut and connects the hosts that were cut apart. */
  async heal(): Promise<void> {
    const cuts = [...this.#cut]
    this.#cut.clear()
    for (const cut of cuts) {
      const [a = '', b = ''] = cut.split('\0')
      const [one, other] = [this.#hosts.get(a as PeerId), this.#hosts.get(b as PeerId)]
      if (one && other) await this.connect(one, other)
    }
  }

  /** The host is gone as after a crash: connections close, dials fail, what it advertised stays (as in a DHT). */
  async remove(host: MemoryHost): Promise<void> {
    for (const peer of host.connectedPeers()) await host.disconnect(peer)
    this.#hosts.delete(host.peerId)
  }

  /** Resolves once no delivery has been under way for two turns of the event loop. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 2; quiet++) {
      if (this.#underWay > 0) {
        quiet = -1
        await new Promise<void>((resolve) => this.#idle.add(resolve))
      } else await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  #hostNetwork(): HostNetwork {
    return {
      peer: (peerId) => this.#hosts.get(peerId),
      canReach: (from, to) => !this.#cut.has(pair(from, to)),
      deliver: (_from, _to, delivery) => this.#deliver(delivery),
      losesGossip: () => this.#loses(),
      travel: () => new Promise((resolve) => this.#deliver(resolve)),
      advertise: (hint, points) => this.#advertise(hint, points),
      advertised: (point) => [...(this.#points.get(point)?.values() ?? [])],
    }
  }

  #deliver(delivery: () => Promise<void> | void): void {
    this.#underWay += 1
    const latency = this.#options.latencyMs ?? 0
    const run = () => {
      void this.#run(delivery)
    }
    if (latency > 0) setTimeout(run, latency)
    else setImmediate(run)
  }

  async #run(delivery: () => Promise<void> | void): Promise<void> {
    try {
      await delivery()
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) {
        for (const wake of this.#idle) wake()
        this.#idle.clear()
      }
    }
  }

  #loses(): boolean {
    const chance = this.#options.gossipLoss ?? 0
    if (chance === 0) return false
    // Mulberry32: small, seeded, good enough to lose messages with.
    this.#random = (this.#random + 0x6d2b79f5) | 0
    let t = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    const lost = ((t ^ (t >>> 14)) >>> 0) / 4294967296 < chance
    if (lost) this.lost += 1
    return lost
  }

  #advertise(hint: PeerHint, points: readonly string[]): void {
    for (const providers of this.#points.values()) providers.delete(hint.peerId)
    for (const point of points) {
      const providers = this.#points.get(point) ?? new Map<PeerId, PeerHint>()
      providers.set(hint.peerId, hint)
      this.#points.set(point, providers)
    }
  }
}

function pair(a: PeerId, b: PeerId): string {
  return a < b ? `${a}\0${b}` : `${b}\0${a}`
}
