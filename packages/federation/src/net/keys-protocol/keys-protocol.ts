import type { AbortOptions, JsonObject, JsonValue, ServerName } from '@starling/protocol'
import { canonicalBytes, isJsonObject, parseServerName, parseStrictObject } from '@starling/protocol'
import type { PeerId, Transport } from '../../ports.ts'
import type { ServerKeyRing } from '../identity/key-ring.ts'
import type { OwnIdentity } from '../identity/own-identity.ts'
import type { PeerBindings } from '../identity/peer-bindings.ts'
import { netLimits } from '../limits.ts'
import { type Ground, withTimeout } from '../ports.ts'
import type { SharedRooms } from '../shared-rooms.ts'
import { TokenBuckets } from '../token-buckets.ts'

export const KEYS_PROTOCOL = '/starling/keys/1'

export interface KeysProtocolParts {
  readonly ground: Ground
  readonly transport: Transport
  readonly identity: OwnIdentity
  readonly keyRing: ServerKeyRing
  readonly bindings: PeerBindings
  readonly sharedRooms: SharedRooms
}

/**
 * `/starling/keys/1`: right after connecting, each side shows its `server_keys`. Request and answer are
 * `{server_keys, want?: [server name], keys?: {server name: server_keys}}`. A peer is bound to the server only if the
 * document verifies against the key in the name and lists the PeerId that the connection authenticated; all others are
 * strangers. Keys of third servers are given to those who share a room with this one: who else knows whom is nobody's business.
 */
export class KeysProtocol {
  readonly #parts: KeysProtocolParts
  readonly #rates: TokenBuckets
  readonly #underWay = new Map<PeerId, Promise<ServerName | undefined>>()
  readonly #stops: (() => void)[] = []
  readonly #retries = new Map<PeerId, () => void>()
  #cancelRefresh: (() => void) | undefined
  #stopped = false

  constructor(parts: KeysProtocolParts) {
    this.#parts = parts
    this.#rates = new TokenBuckets(parts.ground.clock, netLimits.keysBurst, netLimits.keysPerSecond)
  }

  async start(): Promise<void> {
    const { transport } = this.#parts
    await transport.handleRequests(
      KEYS_PROTOCOL,
      { maxRequestBytes: netLimits.keysMessageBytes, maxConcurrentPerPeer: 2, timeoutMs: netLimits.keysTimeoutMs },
      (from, request) => this.#answer(from, request),
    )
    this.#stops.push(
      transport.watchPeers({
        connected: (peer) => this.#greet(peer, 0),
        disconnected: (peer) => this.#forget(peer),
      }),
    )
    this.#stops.push(
      this.#parts.identity.watch(() => {
        for (const peer of transport.connectedPeers()) this.#greet(peer, 0)
      }),
    )
    this.#keepFresh()
  }

  stop(): void {
    this.#stopped = true
    this.#cancelRefresh?.()
    for (const stop of this.#stops.splice(0)) stop()
    for (const cancel of this.#retries.values()) cancel()
    this.#retries.clear()
  }

  /** The server that the connected peer is, asking it where that is not known yet; undefined for a stranger. */
  async identify(peer: PeerId, options?: AbortOptions): Promise<ServerName | undefined> {
    return this.#parts.bindings.serverOf(peer) ?? this.exchange(peer, options)
  }

  /** Shows own keys and takes the peer's. Calls for one peer at one time share one exchange. */
  exchange(peer: PeerId, options?: AbortOptions): Promise<ServerName | undefined> {
    const before = this.#underWay.get(peer)
    if (before !== undefined) return before
    const exchange = this.#exchange(peer, [], options).finally(() => this.#underWay.delete(peer))
    this.#underWay.set(peer, exchange)
    return exchange
  }

  /** Asks a connected peer for the keys of other servers; returns those that verified. */
  async fetch(peer: PeerId, servers: readonly ServerName[], options?: AbortOptions): Promise<readonly ServerName[]> {
    const wanted = servers.slice(0, netLimits.keysPerRequest)
    await this.#exchange(peer, wanted, options)
    const found = await Promise.all(wanted.map((server) => this.#parts.keyRing.serverKeysOf(server)))
    return wanted.filter((_, index) => found[index] !== undefined)
  }

  async #exchange(peer: PeerId, want: readonly ServerName[], options?: AbortOptions): Promise<ServerName | undefined> {
    const { keyRing, transport } = this.#parts
    const request = canonicalBytes({ server_keys: keyRing.ownServerKeys(), ...(want.length > 0 ? { want } : {}) })
    const bytes = await transport.request(peer, KEYS_PROTOCOL, request, {
      signal: withTimeout(netLimits.keysTimeoutMs, options),
      maxResponseBytes: netLimits.keysMessageBytes,
    })
    const answer = parseStrictObject(bytes)
    const keys = isJsonObject(answer.keys) ? answer.keys : {}
    for (const server of want) {
      const document = Object.hasOwn(keys, server) ? keys[server] : undefined
      if (isJsonObject(document) && document.server_name === server) await keyRing.admit(document)
    }
    return this.#bind(peer, answer.server_keys)
  }

  async #answer(from: PeerId, request: Uint8Array): Promise<Uint8Array> {
    const { ground, keyRing } = this.#parts
    if (!this.#rates.take(from)) {
      ground.count('keys_refused', 'rate')
      throw new Error('too many key exchanges')
    }
    const message = parseStrictObject(request)
    const server = await this.#bind(from, message.server_keys)
    const keys = await this.#wanted(server, message.want)
    return canonicalBytes({ server_keys: keyRing.ownServerKeys(), ...(keys ? { keys } : {}) })
  }

  async #wanted(asker: ServerName | undefined, want: JsonValue | undefined): Promise<JsonObject | undefined> {
    if (!Array.isArray(want) || asker === undefined || !this.#parts.sharedRooms.isNeighbour(asker)) return undefined
    const keys: Record<string, JsonObject> = {}
    for (const name of (want as readonly unknown[]).slice(0, netLimits.keysPerRequest)) {
      const server = parseServerName(name)
      const document = server && (await this.#parts.keyRing.serverKeysOf(server))
      if (server && document) keys[server] = document
    }
    return keys
  }

  async #bind(peer: PeerId, serverKeys: unknown): Promise<ServerName | undefined> {
    const { bindings, ground, keyRing, sharedRooms, transport } = this.#parts
    const name = isJsonObject(serverKeys) ? parseServerName(serverKeys.server_name) : undefined
    const admitted = await keyRing.admit(serverKeys, { keep: name !== undefined && sharedRooms.isNeighbour(name) })
    if (!admitted.ok) {
      ground.count('keys_refused', admitted.reason)
      ground.logger.debug({ peerId: peer, reason: admitted.reason }, 'a peer showed keys that do not verify')
      return undefined
    }
    const document = await keyRing.documentOf(admitted.server)
    // It may have gone while the keys were looked at: a binding never outlives its connection.
    if (!document || !transport.connectedPeers().includes(peer)) return undefined
    if (bindings.bind(peer, document)) return admitted.server
    ground.count('keys_refused', 'peer-not-listed')
    ground.logger.debug({ peerId: peer, server: admitted.server }, 'a peer showed keys that do not list it')
    return undefined
  }

  #greet(peer: PeerId, attempt: number): void {
    this.#retries.delete(peer)
    this.exchange(peer).then(
      () => undefined,
      (error: unknown) => {
        const delay = netLimits.keysRetriesMs[attempt]
        if (delay === undefined || !this.#parts.transport.connectedPeers().includes(peer)) return
        this.#parts.ground.logger.debug({ peerId: peer, error }, 'key exchange failed')
        this.#retries.set(
          peer,
          this.#parts.ground.timers.after(delay, () => this.#greet(peer, attempt + 1)),
        )
      },
    )
  }

  #forget(peer: PeerId): void {
    this.#retries.get(peer)?.()
    this.#retries.delete(peer)
    this.#parts.bindings.unbind(peer)
  }

  /** Every hour: rotates and republishes own keys where due, and asks those whose keys run out for newer ones. */
  #keepFresh(): void {
    if (this.#stopped) return
    this.#cancelRefresh = this.#parts.ground.timers.after(netLimits.keyCheckIntervalMs, () => {
      this.refresh()
        .catch((error: unknown) => this.#parts.ground.logger.error({ error }, 'could not refresh the server keys'))
        .finally(() => this.#keepFresh())
    })
  }

  /** What the hourly check does. New own keys are shown to everybody by the identity's watcher. */
  async refresh(): Promise<void> {
    await this.#parts.identity.refreshIfDue()
    for (const peer of this.#parts.bindings.expire(2 * netLimits.keyCheckIntervalMs)) this.#greet(peer, 0)
  }
}
