import type { AbortOptions, ServerName } from '@starling/protocol'
import type { PeerId, Rendezvous, Transport } from '../../ports.ts'
import { LruMap } from '../../store/lru-map.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
import type { KeysProtocol } from '../keys-protocol/keys-protocol.ts'
import { netLimits } from '../limits.ts'
import { type Ground, withTimeout } from '../ports.ts'
import { raceAbort } from '../race-abort.ts'

/** The point at which a server can be found (DESIGN section 4). */
export function serverPoint(server: ServerName): string {
  return `p2p:${server}`
}

export interface ReachParts {
  readonly ground: Ground
  readonly transport: Transport
  readonly rendezvous: Rendezvous
  readonly keyRing: ServerKeyRing
  readonly keysProtocol: KeysProtocol
}

/** Finds a connected, authorised peer of a server: one that is there, one it is known by, or one that discovery speaks of. */
export class Reach {
  readonly #parts: ReachParts
  readonly #underWay = new Map<ServerName, Promise<void>>()
  /** Servers that were not reached of late; the least recently asked for is forgotten first. */
  readonly #failed = new LruMap<ServerName, { readonly until: number; readonly delay: number }>(
    netLimits.destinationsRemembered,
  )

  constructor(parts: ReachParts) {
    this.#parts = parts
  }

  /** Empty where nobody was reached. Never throws; gives up when the signal fires. */
  async peersOf(server: ServerName, options?: AbortOptions): Promise<readonly PeerId[]> {
    const { ground, keyRing } = this.#parts
    const connected = keyRing.peersOf(server)
    if (connected.length > 0) return connected
    const failed = this.#failed.get(server)
    if (failed && failed.until > ground.clock.now()) return []
    const search = this.#underWay.get(server) ?? this.#begin(server)
    await raceAbort(search, options?.signal)
    return keyRing.peersOf(server)
  }

  /** The server was met: the next failure counts from the start again. */
  met(server: ServerName): void {
    this.#failed.delete(server)
  }

  /** Dials a hint and learns who it is. Undefined for a stranger and where nobody answers. Never throws. */
  async identify(target: string, options?: AbortOptions): Promise<ServerName | undefined> {
    const { ground, keysProtocol, transport } = this.#parts
    const signal = withTimeout(netLimits.dialTimeoutMs, options)
    try {
      return await keysProtocol.identify(await transport.dial(target, { signal }), { signal })
    } catch (error) {
      ground.logger.debug({ target, error }, 'could not reach a peer')
      return undefined
    }
  }

  #begin(server: ServerName): Promise<void> {
    const search = this.#search(server).finally(() => this.#underWay.delete(server))
    this.#underWay.set(server, search)
    return search
  }

  async #search(server: ServerName): Promise<void> {
    const { ground, keyRing } = this.#parts
    const known = (await keyRing.knownPeers(server)).slice(0, netLimits.peersTried)
    const found = await Promise.all(known.map((peer) => this.identify(peer)))
    if (!found.includes(server)) await this.#rendezvous(server, new Set(known))
    if (keyRing.peersOf(server).length > 0) {
      this.#failed.delete(server)
      return
    }
    const before = this.#failed.get(server)?.delay ?? netLimits.redialAfterMs / 2
    const delay = Math.min(before * 2, netLimits.redialAfterMaxMs)
    this.#failed.set(server, { until: ground.clock.now() + delay, delay })
  }

  async #rendezvous(server: ServerName, tried: Set<PeerId>): Promise<void> {
    const { ground, rendezvous, transport } = this.#parts
    const signal = withTimeout(netLimits.dialTimeoutMs)
    try {
      for await (const hint of rendezvous.find(serverPoint(server), { signal })) {
        if (tried.has(hint.peerId)) continue
        tried.add(hint.peerId)
        await transport.rememberAddresses(hint)
        if ((await this.identify(hint.peerId, { signal })) === server) return
        if (tried.size > netLimits.peersTried * 3) return
      }
    } catch (error) {
      ground.logger.debug({ server, error }, 'looking a server up failed')
    }
  }
}
