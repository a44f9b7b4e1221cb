import type { RoomId, ServerName } from '@starling/protocol'
import { emptyMap, PersistentMap } from '../state/persistent-map.ts'
import type { Database } from '../store/database.ts'
import { tables } from '../store/tables.ts'

/** Joined users per server; servers without any are absent. */
export type ServerCounts = PersistentMap<ServerName, number>

interface RoomServers {
  readonly counts: ServerCounts
  /** The servers alone, made when they are first asked for. */
  names: ReadonlySet<ServerName> | undefined
}

/**
 * Servers with joined users, of every room, in memory: gossip asks for each subscription and cannot wait for the disk. Grows
 * with the rooms that local users have entered; one entry per room and server.
 */
export class JoinedServers {
  readonly #rooms = new Map<RoomId, RoomServers>()

  static async open(database: Database): Promise<JoinedServers> {
    const index = new JoinedServers()
    const rooms = new Map<number, Map<ServerName, number>>()
    for await (const { key, value } of tables.joinedServer.scan(database, [])) {
      const servers = rooms.get(key[0]) ?? new Map<ServerName, number>()
      rooms.set(key[0], servers.set(key[1], value))
    }
    for await (const { key, value: roomId } of tables.roomNumber.scan(database, [])) {
      const servers = rooms.get(key[0])
      if (servers) index.#rooms.set(roomId, { counts: PersistentMap.from(servers), names: undefined })
    }
    return index
  }

  /** One and the same set until a server enters or leaves the room. */
  of(roomId: RoomId): ReadonlySet<ServerName> {
    const room = this.#rooms.get(roomId)
    if (!room) return NONE
    room.names ??= new Set(room.counts.keys())
    return room.names
  }

  has(roomId: RoomId, server: ServerName): boolean {
    return this.#rooms.get(roomId)?.counts.has(server) ?? false
  }

  roomsOf(server: ServerName): RoomId[] {
    return [...this.#rooms].filter(([, { counts }]) => counts.has(server)).map(([roomId]) => roomId)
  }

  /** True if the set of servers is another now; a changed count alone is not. Costs what changed. */
  set(roomId: RoomId, counts: ServerCounts): boolean {
    const room = this.#rooms.get(roomId)
    const before = room?.counts ?? NO_COUNTS
    const changes = before.changesTo(counts)
    const isOther = [...changes].some(([server, joined]) => joined === undefined || !before.has(server))
    if (counts.size === 0) this.#rooms.delete(roomId)
    else this.#rooms.set(roomId, { counts, names: isOther ? undefined : room?.names })
    return isOther
  }
}

const NONE: ReadonlySet<ServerName> = new Set()
const NO_COUNTS: ServerCounts = emptyMap()
