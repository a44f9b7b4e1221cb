import type { Logger, RoomId, ServerName } from '@starling/protocol'
import type { NetEngine } from './ports.ts'

/**
 * Which server shares which joined rooms with this one: an index over the engine, kept in step by its watcher, so that
 * relaying, presence and device lists ask without reading. Bounded by the rooms that local users joined.
 */
export class SharedRooms {
  readonly #engine: NetEngine
  readonly #self: ServerName
  readonly #logger: Logger
  readonly #servers = new Map<RoomId, ReadonlySet<ServerName>>()
  readonly #rooms = new Map<ServerName, Set<RoomId>>()
  readonly #watchers = new Set<(roomId: RoomId) => void>()
  /** Rooms whose servers are being read; true: changed again meanwhile. */
  readonly #reading = new Map<RoomId, boolean>()
  #stop: (() => void) | undefined

  constructor(engine: NetEngine, self: ServerName, logger: Logger) {
    this.#engine = engine
    this.#self = self
    this.#logger = logger
  }

  async start(): Promise<void> {
    this.#stop = this.#engine.watch({ serversChanged: (roomId) => this.#changed(roomId) })
    for (const roomId of await this.#engine.joinedRooms()) {
      const servers = await this.#engine.joinedServers(roomId)
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

  #changed(roomId: RoomId): void {
    if (this.#reading.has(roomId)) {
      this.#reading.set(roomId, true)
      return
    }
    this.#reading.set(roomId, false)
    this.#read(roomId).catch((error: unknown) => {
      this.#reading.delete(roomId)
      this.#logger.error({ roomId, error }, 'could not read the servers of a room')
    })
  }

  async #read(roomId: RoomId): Promise<void> {
    do {
      this.#reading.set(roomId, false)
      this.#set(roomId, await this.#engine.joinedServers(roomId))
    } while (this.#reading.get(roomId))
    this.#reading.delete(roomId)
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
    if (!servers.has(this.#self)) return
    this.#servers.set(roomId, new Set(servers))
    for (const server of servers) {
      if (server === this.#self) continue
      const rooms = this.#rooms.get(server) ?? new Set()
      this.#rooms.set(server, rooms.add(roomId))
    }
  }
}
