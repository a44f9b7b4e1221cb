import type { AbortOptions, Clock, RoomId, ServerName, UserId } from '@starling/protocol'
import { parseServerName, slotKey } from '@starling/protocol'
import type { RemoteServers, RoomReader } from '../../ports.ts'
import { ExpiringMap } from '../../store/expiring-map.ts'
import { mayKnowRoom } from '../directory/may-know-room.ts'
import { describeRoom, type RoomDescription } from '../directory/room-description.ts'
import { parseOutline } from './parse-outline.ts'
import { childOfEvent, inSpaceOrder, type SpaceChild } from './space-children.ts'

/** What a room says of itself to who may enter it, and the rooms that it has as a space. */
export interface RoomOutline extends Pick<RoomDescription, 'summary' | 'joinRule' | 'worldReadable' | 'allowedRooms'> {
  readonly children: readonly SpaceChild[]
}

/** Children of one space that are looked at: the first in their order. */
const MAX_CHILDREN = 1_000
/** Answers of other servers are kept for five minutes, also that none came; the oldest go first. About 10 KiB each. */
const KEPT = { lifeMs: 5 * 60_000, limit: 300 } as const
const SILENT_MS = 60_000
/** Servers asked for one room, one after the other. */
const MAX_SERVERS = 3

interface OutlineDeps {
  readonly reader: RoomReader
  readonly remote: RemoteServers
  readonly clock: Clock
  readonly serverName: ServerName
  readonly users: { list(): Promise<readonly UserId[]> }
}

/** Outlines of rooms, those of this node from its state, others from the servers that are in them. */
export class OutlinedRooms {
  readonly #deps: OutlineDeps
  readonly #known: ExpiringMap<RoomOutline | 'none'>

  constructor(deps: OutlineDeps) {
    this.#deps = deps
    this.#known = new ExpiringMap(deps.clock, KEPT)
  }

  /**
   * Undefined where nobody tells, or the user may not know of the room. Never rejects for another server's silence. `via`:
   * who may be asked, beside the server that the room id names; undefined: nobody.
   */
  async find(
    roomId: RoomId,
    via: readonly ServerName[] | undefined,
    userId: UserId | undefined,
    options?: AbortOptions,
  ): Promise<RoomOutline | undefined> {
    const outline = await this.#outline(roomId, via, options)
    if (!outline || !(await mayKnowRoom(this.#deps.reader, roomId, outline, userId))) return undefined
    return outline
  }

  /** Whether `find` would have to ask other servers. */
  async isElsewhere(roomId: RoomId): Promise<boolean> {
    return this.#known.get(roomId) === undefined && !(await this.#isFollowed(roomId))
  }

  /** What is stored of a room that nobody here is in any more is as old as their leaving: others know better. */
  async #outline(
    roomId: RoomId,
    via: readonly ServerName[] | undefined,
    options: AbortOptions | undefined,
  ): Promise<RoomOutline | undefined> {
    if (!via || (await this.#isFollowed(roomId))) return this.#own(roomId)
    return (await this.#elsewhere(roomId, via, options)) ?? this.#own(roomId)
  }

  async #isFollowed(roomId: RoomId): Promise<boolean> {
    const { reader, users } = this.#deps
    if ((await reader.roomVersion(roomId)) === undefined) return false
    for (const userId of await users.list()) {
      if ((await reader.membership(roomId, userId))?.membership === 'join') return true
    }
    return false
  }

  async #own(roomId: RoomId): Promise<RoomOutline | undefined> {
    const { reader } = this.#deps
    const room = await describeRoom(reader, roomId)
    if (!room) return undefined
    const state = await reader.currentState(roomId)
    const ids = [...state].flatMap(([slot, eventId]) => (slotKey(slot).type === 'm.space.child' ? eventId : []))
    const events = await reader.events(roomId, ids)
    const children = inSpaceOrder(events.flatMap(({ pdu }) => childOfEvent(pdu) ?? []))
    return { ...room, children: children.slice(0, MAX_CHILDREN) }
  }

  async #elsewhere(
    roomId: RoomId,
    via: readonly ServerName[],
    options: AbortOptions | undefined,
  ): Promise<RoomOutline | undefined> {
    const known = this.#known.get(roomId)
    if (known) return known === 'none' ? undefined : known
    const servers = new Set([...via, ...domainOf(roomId)])
    servers.delete(this.#deps.serverName)
    for (const server of [...servers].slice(0, MAX_SERVERS)) {
      const answer = await this.#deps.remote.hierarchy(server, roomId, options).catch(() => undefined)
      const outline = answer && parseOutline(answer, roomId, MAX_CHILDREN)
      if (outline) {
        this.#known.set(roomId, outline)
        return outline
      }
      if (options?.signal?.aborted) return undefined
    }
    this.#known.set(roomId, 'none', SILENT_MS)
    return undefined
  }
}

/** The server that a room id of versions 1 to 11 names: the one that made the room. */
function domainOf(roomId: RoomId): ServerName[] {
  const colon = roomId.indexOf(':')
  return colon === -1 ? [] : [parseServerName(roomId.slice(colon + 1)) ?? []].flat()
}
