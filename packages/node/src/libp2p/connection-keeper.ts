import type { PeerId } from '@starling/federation'
import type { Clock, Logger } from '@starling/protocol'
import type { Notes } from './datastore.ts'

/**
 * Keeps this node connected to the Starling nodes that it knows (GOTCHAS 3, 6). libp2p tells of a discovered peer only the
 * first time it ever hears of it, and gives up on a lost one after five tries; so the keeper has its own memory and its own
 * redial loop.
 */
export interface KeeperOptions {
  readonly self: PeerId
  isConnected(peer: PeerId): boolean
  dial(peer: PeerId, addresses: readonly string[], signal: AbortSignal): Promise<void>
  readonly notes: Notes
  readonly clock: Clock
  readonly log: Logger
}

interface Kept {
  addresses: readonly string[]
  /** Milliseconds since the epoch; 0 for a peer that was never met. */
  lastMet: number
  /** mDNS said recently that it is there. */
  lastSighted: number
  failures: number
  nextDial: number
  dialing: boolean
  /** The owner closed the connection: not dialled until asked for, sighted counts for nothing. */
  released: boolean
  /** From the configuration: never dropped. */
  readonly fixed: boolean
}

const TICK_MS = 500
/** Ticks that lie further apart than this by the clock: the machine has slept. */
const SLEPT_MS = 15_000
/** A peer that was met of late is dialled again after this, then after this part of the time that it has been away. */
const FIRST_REDIAL_MS = 1000
const PART_OF_ABSENCE = 1 / 15
/** A peer that was never met, or long ago: doubles with each failure. */
const FIRST_RETRY_MS = 5000
const MAX_RETRY_MS = 5 * 60_000
/** A peer that the LAN shows is there for the taking: it is not let wait for minutes. */
const MAX_RETRY_ON_LAN_MS = 15_000
const ON_LAN_MS = 60_000
const DIAL_TIMEOUT_MS = 8000
/**
 * A dial into a cut network hangs, and TCP asks again after 1, 3 and 7 s only: whoever was there a moment ago gets three short
 * dials for each long one, so that a network that heals is found healed at once.
 */
const SHORT_DIAL_TIMEOUT_MS = 2000
const SHORT_DIALS_AFTER_MS = 2 * 60_000
const MAX_DIALS_AT_ONCE = 16
/** The node with the higher PeerId lets the other dial first, so that both do not do it at once (GOTCHAS 3). */
const TIE_BREAK_MS = 1500
/** Peers kept; the one not met for longest is dropped first. */
const MAX_PEERS = 500
const FORGOTTEN_AFTER_MS = 30 * 24 * 3600_000
const MAX_ADDRESSES = 16
const SAVE_DELAY_MS = 3000
const NOTE = 'peers'

export class ConnectionKeeper {
  readonly #options: KeeperOptions
  readonly #kept = new Map<PeerId, Kept>()
  #timer: NodeJS.Timeout | undefined
  #saveTimer: NodeJS.Timeout | undefined
  #dials = 0
  #lastTick = 0
  readonly #stopped = new AbortController()

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** Reads the peers of the last run; they are dialled in the first rounds. Returns their addresses, which have worked before. */
  async load(): Promise<readonly string[]> {
    const stored = await this.#options.notes.read(NOTE)
    const oldest = this.#options.clock.now() - FORGOTTEN_AFTER_MS
    for (const record of Array.isArray(stored) ? stored : []) {
      const { peer, addresses, lastMet } = record as { peer?: unknown; addresses?: unknown; lastMet?: unknown }
      if (typeof peer !== 'string' || !Array.isArray(addresses) || typeof lastMet !== 'number') continue
      if (lastMet >= oldest) this.#entry(peer as PeerId, { addresses: addresses.map(String), lastMet })
    }
    return [...this.#kept.values()].flatMap(({ addresses }) => addresses)
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
    this.#tick()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped.abort()
    if (this.#saveTimer) await this.#save()
  }

  /** A peer of the configuration. */
  keep(peer: PeerId, addresses: readonly string[]): void {
    this.#kept.delete(peer)
    this.#entry(peer, { addresses, fixed: true })
  }

  /** mDNS shows the peer at these addresses. */
  sighted(peer: PeerId, addresses: readonly string[]): void {
    if (peer === this.#options.self) return
    const entry = this.#entry(peer)
    entry.addresses = merge(addresses, entry.addresses)
    entry.lastSighted = this.#options.clock.now()
    if (!entry.dialing) entry.nextDial = Math.min(entry.nextDial, entry.lastSighted + this.#turn(peer))
    this.#tick()
  }

  /** Connected, whoever dialled. `addresses` are those it may be dialled at later. */
  met(peer: PeerId, addresses: readonly string[]): void {
    const entry = this.#entry(peer)
    entry.lastMet = this.#options.clock.now()
    entry.failures = 0
    entry.released = false
    entry.addresses = merge(addresses, entry.addresses)
    this.#saveLater()
  }

  /** The last connection is gone. */
  lost(peer: PeerId): void {
    const entry = this.#kept.get(peer)
    if (!entry) return
    entry.lastMet = this.#options.clock.now()
    entry.nextDial = entry.lastMet + this.#retryMs(entry) + this.#turn(peer)
  }

  /** Leaves the peer alone until it connects by itself or somebody dials it. */
  release(peer: PeerId): void {
    const entry = this.#kept.get(peer)
    if (entry) entry.released = true
  }

  #entry(peer: PeerId, initial: Partial<Kept> = {}): Kept {
    const existing = this.#kept.get(peer)
    if (existing) return existing
    const entry: Kept = {
      addresses: [],
      lastMet: 0,
      lastSighted: 0,
      failures: 0,
      nextDial: this.#options.clock.now() + this.#turn(peer),
      dialing: false,
      released: false,
      fixed: false,
      ...initial,
    }
    this.#kept.set(peer, entry)
    if (this.#kept.size > MAX_PEERS) this.#dropOldest(peer)
    return entry
  }

  #dropOldest(newcomer: PeerId): void {
    let oldest: PeerId | undefined
    let age = Number.POSITIVE_INFINITY
    for (const [peer, { lastMet, fixed }] of this.#kept) {
      if (fixed || peer === newcomer || lastMet >= age || this.#options.isConnected(peer)) continue
      oldest = peer
      age = lastMet
    }
    if (oldest !== undefined) this.#kept.delete(oldest)
  }

  #turn(peer: PeerId): number {
    return this.#options.self > peer ? TIE_BREAK_MS : 0
  }

  #retryMs({ failures, lastMet, lastSighted }: Kept): number {
    const now = this.#options.clock.now()
    const byFailures = FIRST_RETRY_MS * 2 ** Math.min(failures, 10)
    const byAbsence = lastMet === 0 ? byFailures : Math.max(FIRST_REDIAL_MS, (now - lastMet) * PART_OF_ABSENCE)
    const longest = now - lastSighted < ON_LAN_MS ? MAX_RETRY_ON_LAN_MS : MAX_RETRY_MS
    return Math.min(byFailures, byAbsence, longest)
  }

  #dialTimeoutMs({ failures, lastMet }: Kept): number {
    const isRecent = this.#options.clock.now() - lastMet < SHORT_DIALS_AFTER_MS
    return isRecent && failures % 4 !== 3 ? SHORT_DIAL_TIMEOUT_MS : DIAL_TIMEOUT_MS
  }

  #tick(): void {
    if (!this.#timer || this.#stopped.signal.aborted) return
    const now = this.#options.clock.now()
    if (this.#lastTick > 0 && now - this.#lastTick > SLEPT_MS) this.#wake(now)
    this.#lastTick = now
    for (const [peer, entry] of this.#kept) {
      if (this.#dials >= MAX_DIALS_AT_ONCE) return
      if (entry.dialing || entry.released || entry.nextDial > now || entry.addresses.length === 0) continue
      if (!this.#options.isConnected(peer)) void this.#dial(peer, entry)
    }
  }

  /** Whoever was not reached before the sleep may be there after it; nobody is let wait for what was left of a pause. */
  #wake(now: number): void {
    for (const [peer, entry] of this.#kept) {
      entry.failures = 0
      entry.nextDial = Math.min(entry.nextDial, now + this.#turn(peer))
    }
  }

  async #dial(peer: PeerId, entry: Kept): Promise<void> {
    entry.dialing = true
    this.#dials++
    try {
      const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(this.#dialTimeoutMs(entry))])
      await this.#options.dial(peer, entry.addresses, signal)
      entry.failures = 0
    } catch (error) {
      entry.failures++
      this.#options.log.debug({ peerId: peer, failures: entry.failures, err: error }, 'peer not reached')
    } finally {
      entry.dialing = false
      this.#dials--
      entry.nextDial = this.#options.clock.now() + this.#retryMs(entry)
    }
  }

  #saveLater(): void {
    if (this.#saveTimer || this.#stopped.signal.aborted) return
    this.#saveTimer = setTimeout(() => {
      this.#save().catch((error: unknown) => this.#options.log.warn({ err: error }, 'known peers not saved'))
    }, SAVE_DELAY_MS)
    this.#saveTimer.unref()
  }

  async #save(): Promise<void> {
    clearTimeout(this.#saveTimer)
    this.#saveTimer = undefined
    const records = [...this.#kept]
      .filter(([, { lastMet }]) => lastMet > 0)
      .map(([peer, { addresses, lastMet }]) => ({ peer, addresses, lastMet }))
    await this.#options.notes.write(NOTE, records)
  }
}

/** The newer addresses first. */
function merge(newer: readonly string[], older: readonly string[]): readonly string[] {
  return [...new Set([...newer, ...older])].slice(0, MAX_ADDRESSES)
}
