import type { Logger, RoomId, ServerName } from '@starling/protocol'
import type { NetEngine } from './ports.ts'
import { RoomAcls } from './room-acls.ts'

/**
 * Which server shares which joined rooms with this one: an index over the engine, kept in step by its watcher, so that
 * relaying, presence and device lists ask without reading. A server that a room's access control list denies does not share it,
 * whoever of its users is joined. Bounded by the rooms that local users joined.
 */
export class SharedRooms {
  readonly #engine: NetEngine
  readonly #self: ServerName
  readonly #logger: Logger
  readonly #servers = new Map<RoomId, ReadonlySet<ServerName>>()
  readonly #rooms = new Map<ServerName, Set<RoomId>>()
  readonly #acls: RoomAcls
  readonly #watchers = new Set<(roomId: RoomId) => void>()
  /** Rooms whose servers are being read; true: changed again meanwhile. */
  readonly #reading = new Map<RoomId, boolean>()
  #stop: (() => void) | undefined

  constructor(engine: NetEngine, self: ServerName, logger: Logger) {
    this.#engine = engine
    this.#self = self
    this.#logger = logger
    this.#acls = new RoomAcls(engine)
  }

  async start(): Promise<void> {
    this.#stop = this.#engine.watch({
      serversChanged: (roomId) => this.#changed(roomId),
      // Any state event may let another list win, where branches meet.
      accepted: (roomId, event) => {
        if (event.stateKey !== undefined && this.#servers.has(roomId)) this.#changed(roomId, 'acl')
      },
    })
    for (const roomId of await this.#engine.joinedRooms()) {
      const servers = await this.#engine.joinedServers(roomId)
      await this.#acls.refresh(roomId)
      // What changed meanwhile has been read after this.
      if (!this.#servers.has(roomId)) this.#set(roomId, servers)
    }
  }

  stop(): void {
    this.#stop?.()
  }

  /** Rooms in which a local user is joined. */
  rooms(): RoomId[] {
    return [...this.#servers.keys()]
  }

  has(roomId: RoomId): boolean {
    return this.#servers.has(roomId)
  }

  /** Joined servers of a joined room, this one left out. */
  serversIn(roomId: RoomId): ServerName[] {
    return [...(this.#servers.get(roomId) ?? [])].filter((server) => server !== this.#self)
  }

  /** The server has a joined user in the joined room, by the engine's state of this very moment, and the list lets it. */
  isMember(roomId: RoomId, server: ServerName): boolean {
    return this.#engine.isServerJoined(roomId, server) && this.isAllowed(roomId, server)
  }

  /** The access control list of a joined room lets the server. */
  isAllowed(roomId: RoomId, server: ServerName): boolean {
    return this.#acls.allows(roomId, server)
  }

  roomsWith(server: ServerName): RoomId[] {
    return [...(this.#rooms.get(server) ?? [])]
  }

  isNeighbour(server: ServerName): boolean {
    return this.#rooms.has(server)
  }

  neighbours(): ServerName[] {
    return [...this.#rooms.keys()]
  }

  /** Called after the servers of a room changed, with the index already in step. */
  watch(watcher: (roomId: RoomId) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  #changed(roomId: RoomId, only?: 'acl'): void {
    if (this.#reading.has(roomId)) {
      this.#reading.set(roomId, true)
      return
    }
    this.#reading.set(roomId, false)
    this.#read(roomId, only).catch((error: unknown) => {
      this.#reading.delete(roomId)
      this.#logger.error({ roomId, error }, 'could not read the servers of a room')
    })
  }

  async #read(roomId: RoomId, only?: 'acl'): Promise<void> {
    let changed = only !== 'acl'
    do {
      changed = changed || this.#reading.get(roomId) === true
      this.#reading.set(roomId, false)
      const servers = await this.#engine.joinedServers(roomId)
      changed = (await this.#acls.refresh(roomId)) || changed
      if (changed) this.#set(roomId, servers)
    } while (this.#reading.get(roomId))
    this.#reading.delete(roomId)
    if (!changed) return
    for (const watcher of [...this.#watchers]) watcher(roomId)
  }

  #set(roomId: RoomId, servers: ReadonlySet<ServerName>): void {
    for (const server of this.#servers.get(roomId) ?? []) {
      const rooms = this.#rooms.get(server)
      rooms?.delete(roomId)
      if (rooms?.size === 0) this.#rooms.delete(server)
    }
    this.#servers.delete(roomId)
    // Without a joined local user it is no room of ours, whatever the last known state says of others.
    if (!servers.has(this.#self)) {
      this.#acls.forget(roomId)
      return
    }
    const allowed = [...servers].filter((server) => server === this.#self || this.isAllowed(roomId, server))
    this.#servers.set(roomId, new Set(allowed))
    for (const server of allowed) {
      if (server === this.#self) continue
      const rooms = this.#rooms.get(server) ?? new Set()
      this.#rooms.set(server, rooms.add(roomId))
    }
  }
}
