import type { Clock, ServerName } from '@starling/protocol'
import type { PeerId } from '../../ports.ts'
import { authorisedUntil, type ServerKeys } from './server-keys.ts'

export interface BindingWatcher {
  /** The first authorised peer of the server is connected. */
  met?(server: ServerName): void
  /** The last one is gone, or no longer authorised. */
  lost?(server: ServerName): void
  /** The peer speaks for the server now, or (undefined) no longer for any. */
  bound?(peer: PeerId, server: ServerName | undefined): void
}

/**
 * Which connected peer has proven to be which server. Entries live no longer than their connection, so the map is bounded
 * by the transport's connection limit.
 */
export class PeerBindings {
  readonly #clock: Clock
  readonly #servers = new Map<PeerId, { readonly server: ServerName; readonly until: number }>()
  readonly #peers = new Map<ServerName, Set<PeerId>>()
  readonly #watchers = new Set<BindingWatcher>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `peer` is the id that the connection authenticated; `keys` are verified. False where they do not name it, or no longer. */
  bind(peer: PeerId, keys: ServerKeys): boolean {
    const until = authorisedUntil(keys, peer)
    if (until <= this.#clock.now()) return false
    const before = this.#servers.get(peer)
    if (before?.server === keys.server) {
      this.#servers.set(peer, { server: keys.server, until })
      return true
    }
    if (before) this.unbind(peer)
    this.#servers.set(peer, { server: keys.server, until })
    const peers = this.#peers.get(keys.server) ?? new Set()
    this.#peers.set(keys.server, peers.add(peer))
    this.#tell((watcher) => watcher.bound?.(peer, keys.server))
    if (peers.size === 1) this.#tell((watcher) => watcher.met?.(keys.server))
    return true
  }

  unbind(peer: PeerId): void {
    const entry = this.#servers.get(peer)
    if (!entry) return
    this.#servers.delete(peer)
    const peers = this.#peers.get(entry.server)
    peers?.delete(peer)
    this.#tell((watcher) => watcher.bound?.(peer, undefined))
    if (peers?.size !== 0) return
    this.#peers.delete(entry.server)
    this.#tell((watcher) => watcher.lost?.(entry.server))
  }

  /** A newer document: peers that it no longer names stop speaking for the server. */
  keysChanged(keys: ServerKeys): void {
    for (const peer of [...(this.#peers.get(keys.server) ?? [])]) {
      if (!this.bind(peer, keys)) this.unbind(peer)
    }
  }

  /** Unbinds what has expired; returns those that expire within `marginMs`, to be asked for newer keys. */
  expire(marginMs: number): readonly PeerId[] {
    const now = this.#clock.now()
    const soon: PeerId[] = []
    for (const [peer, { until }] of [...this.#servers]) {
      if (until <= now) this.unbind(peer)
      if (until <= now + marginMs) soon.push(peer)
    }
    return soon
  }

  serverOf(peer: PeerId): ServerName | undefined {
    const entry = this.#servers.get(peer)
    return entry && entry.until > this.#clock.now() ? entry.server : undefined
  }

  peersOf(server: ServerName): readonly PeerId[] {
    return [...(this.#peers.get(server) ?? [])].filter((peer) => this.serverOf(peer) === server)
  }

  servers(): ServerName[] {
    return [...this.#peers.keys()]
  }

  /** Told of each change, and at once of the servers that are there. Returns the way to stop. */
  watch(watcher: BindingWatcher): () => void {
    this.#watchers.add(watcher)
    for (const server of this.servers()) watcher.met?.(server)
    return () => this.#watchers.delete(watcher)
  }

  #tell(say: (watcher: BindingWatcher) => void): void {
    for (const watcher of [...this.#watchers]) say(watcher)
  }
}
