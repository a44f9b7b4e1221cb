import type { Clock } from '@starling/protocol'
import type { PeerId } from '../../ports.ts'
import { LruMap } from '../../store/lru-map.ts'
import { netLimits } from '../limits.ts'

/**
 * Invalid messages per peer. Who sends too many within a window is not read any more until it is over, so that a flood costs
 * next to nothing (the host's own scoring comes on top).
 */
export class InvalidMessages {
  readonly #clock: Clock
  readonly #peers = new LruMap<PeerId, { count: number; readonly since: number }>(netLimits.invalidPeersCounted)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(peer: PeerId): void {
    const entry = this.#current(peer) ?? { count: 0, since: this.#clock.now() }
    entry.count += 1
    this.#peers.set(peer, entry)
  }

  isFlooding(peer: PeerId): boolean {
    return (this.#current(peer)?.count ?? 0) >= netLimits.invalidPerWindow
  }

  #current(peer: PeerId): { count: number; readonly since: number } | undefined {
    const entry = this.#peers.get(peer)
    return entry && this.#clock.now() < entry.since + netLimits.invalidWindowMs ? entry : undefined
  }
}
