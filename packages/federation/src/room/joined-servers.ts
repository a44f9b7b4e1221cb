import type { RoomId, ServerName } from '@starling/protocol'
import type { Database } from '../store/database.ts'
import { tables } from '../store/tables.ts'

/**
 * Servers with joined users, of every room, in memory: gossip asks for each subscription and cannot wait for the disk. Grows
 * with the rooms that local users have entered; one entry per room and server.
 */
export class JoinedServers {
  readonly #rooms = new Map<RoomId, ReadonlyMap<ServerName, number>>()

  static async open(database: Database): Promise<JoinedServers> {
    const index = new JoinedServers()
    const rooms = new Map<number, Map<ServerName, number>>()
    for await (const { key, value } of tables.joinedServer.scan(database, [])) {
      const servers = rooms.get(key[0]) ?? new Map<ServerName, number>()
      rooms.set(key[0], servers.set(key[1], value))
    }
    for await (const { key, value: roomId } of tables.roomNumber.scan(database, [])) {
      const servers = rooms.get(key[0])
      if (servers) index.#rooms.set(roomId, servers)
    }
    return index
  }

  of(roomId: RoomId): ReadonlyMap<ServerName, number> {
    return this.#rooms.get(roomId) ?? NONE
  }

  has(roomId: RoomId, server: ServerName): boolean {
    return this.#rooms.get(roomId)?.has(server) ?? false
  }

  roomsOf(server: ServerName): RoomId[] {
    return [...this.#rooms].filter(([, servers]) => servers.has(server)).map(([roomId]) => roomId)
  }

  /** True if the set of servers is another now; a changed count alone is not. */
  set(roomId: RoomId, servers: ReadonlyMap<ServerName, number>): boolean {
    const before = this.of(roomId)
    if (servers.size === 0) this.#rooms.delete(roomId)
    else this.#rooms.set(roomId, servers)
    return before.size !== servers.size || [...servers.keys()].some((server) => !before.has(server))
  }
}

const NONE: ReadonlyMap<ServerName, number> = new Map()
