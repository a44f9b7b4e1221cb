import type { EventId, JsonObject, RoomId, ServerName } from '@starling/protocol'
import { stateSlot } from '@starling/protocol'
import { isAllowedByAcl } from '../exchange/access/server-acl.ts'
import type { NetEngine } from './ports.ts'

interface KnownAcl {
  readonly eventId: EventId | undefined
  readonly content: JsonObject | undefined
}

const SLOT = stateSlot('m.room.server_acl', '')

/**
 * The access control lists of the joined rooms, in memory, so that gossip and EDUs ask without waiting (server-server API, "Server
 * Access Control Lists"). Bounded by the rooms that local users joined.
 */
export class RoomAcls {
  readonly #engine: Pick<NetEngine, 'currentState' | 'events'>
  readonly #known = new Map<RoomId, KnownAcl>()

  constructor(engine: Pick<NetEngine, 'currentState' | 'events'>) {
    this.#engine = engine
  }

  /** Reads the room's list if it is another than the one known. True if it is. */
  async refresh(roomId: RoomId): Promise<boolean> {
    const eventId = (await this.#engine.currentState(roomId)).get(SLOT)
    const known = this.#known.get(roomId)
    if (known && known.eventId === eventId) return false
    const event = eventId && (await this.#engine.events([eventId])).get(eventId)
    this.#known.set(roomId, { eventId, content: event?.pdu.content })
    return true
  }

  forget(roomId: RoomId): void {
    this.#known.delete(roomId)
  }

  /** False too for a room whose list has not been read: who waits a moment loses nothing. */
  allows(roomId: RoomId, server: ServerName): boolean {
    const known = this.#known.get(roomId)
    return known !== undefined && isAllowedByAcl(known.content, server)
  }
}
