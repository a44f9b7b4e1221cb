import { type RoomId, roomVersionRules, type ServerName } from '@starling/protocol'
import { PersistentMap } from '../state/persistent-map.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Database } from '../store/database.ts'
import { LruMap } from '../store/lru-map.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import type { RowSource } from '../store/table.ts'
import { tables } from '../store/tables.ts'
import type { RoomHead } from './room-head.ts'

/** Entries of the current states held by cached heads (one head counts at least 100); the least recently used go first. */
const CACHED_ENTRIES = 200_000

/**
 * The newest head of each room in two forms: `writing`, on which the next event builds though its flush may still run, and
 * `durable`, which readers see. A failed flush throws both away; what is on the disk is then read again.
 */
export class RoomHeads {
  readonly #database: Database
  readonly #rooms: RoomRegistry
  readonly #states: StateStore
  readonly #writing = new LruMap<RoomId, RoomHead>(CACHED_ENTRIES)
  readonly #durable = new LruMap<RoomId, { readonly head: RoomHead; readonly serial: number }>(CACHED_ENTRIES)
  /** Rooms with a head submitted and not yet durable: that head must not fall out of `writing`. */
  readonly #unflushed = new Map<RoomId, { readonly head: RoomHead; readonly serial: number }>()
  #serial = 0

  constructor(database: Database, rooms: RoomRegistry, states: StateStore) {
    this.#database = database
    this.#rooms = rooms
    this.#states = states
    database.onFailure(() => this.#clear())
  }

  /** Called inside the room's writer only. Undefined for a room whose DAG is not here. */
  async writing(roomId: RoomId): Promise<RoomHead | undefined> {
    const known = this.#unflushed.get(roomId)?.head ?? this.#writing.get(roomId)
    if (known) return known
    const head = await this.#read(this.#database, roomId)
    if (head) this.#writing.set(roomId, head, weightOf(head))
    return head
  }

  async durable(roomId: RoomId): Promise<RoomHead | undefined> {
    const known = this.#durable.get(roomId)
    if (known) return known.head
    const serial = this.#serial
    const head = await this.#read(this.#database.durable, roomId)
    // A write that came meanwhile has either put its head here already or will when it is flushed.
    if (head && serial === this.#serial) this.#durable.set(roomId, { head, serial: 0 }, weightOf(head))
    return head
  }

  /** The batch with this head has been submitted. Returns what to call once it is durable. */
  submitted(head: RoomHead): () => void {
    const serial = ++this.#serial
    this.#writing.set(head.roomId, head, weightOf(head))
    this.#unflushed.set(head.roomId, { head, serial })
    return () => {
      if (this.#unflushed.get(head.roomId)?.serial === serial) this.#unflushed.delete(head.roomId)
      if ((this.#durable.get(head.roomId)?.serial ?? 0) < serial) {
        this.#durable.set(head.roomId, { head, serial }, weightOf(head))
      }
    }
  }

  forget(roomId: RoomId): void {
    this.#serial++
    this.#writing.delete(roomId)
    this.#durable.delete(roomId)
    this.#unflushed.delete(roomId)
  }

  async #read(source: RowSource, roomId: RoomId): Promise<RoomHead | undefined> {
    const room = await this.#rooms.get(roomId)
    const row = room && (await tables.head.get(source, room.number))
    if (!row) return undefined
    const rules = roomVersionRules(room.version)
    if (!rules) throw new Error(`room ${roomId} has the unknown version ${room.version}`)
    const { state, lastStateChange = row.lastChange, dead = [], exposed = [], forks = 0, ...rest } = row
    const servers = new Map<ServerName, number>()
    for await (const { key, value } of tables.joinedServer.scan(this.#database.durable, [room.number])) {
      servers.set(key[1], value)
    }
    const known = { ...rest, dead, exposed, forks, lastStateChange, servers: PersistentMap.from(servers) }
    return { ...known, roomId, number: room.number, rules, state: await this.#states.get(room.number, state) }
  }

  #clear(): void {
    this.#serial++
    this.#writing.clear()
    this.#durable.clear()
    this.#unflushed.clear()
  }
}

function weightOf(head: RoomHead): number {
  return Math.max(100, head.state.map.size + head.servers.size)
}
