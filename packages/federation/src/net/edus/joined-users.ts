import type { RoomId, UserId } from '@starling/protocol'
import { stateSlot } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'

/** Asks the engine who is joined by the current state. */
export class JoinedUsers {
  readonly #engine: Pick<RoomEngine, 'currentState' | 'events'>

  constructor(engine: Pick<RoomEngine, 'currentState' | 'events'>) {
    this.#engine = engine
  }

  async isJoined(roomId: RoomId, userId: UserId): Promise<boolean> {
    const eventId = (await this.#engine.currentState(roomId)).get(stateSlot('m.room.member', userId))
    if (eventId === undefined) return false
    const event = (await this.#engine.events([eventId])).get(eventId)
    return event?.pdu.content.membership === 'join'
  }

  /** Those of the rooms in which the user is joined. */
  async roomsOf(userId: UserId, rooms: readonly RoomId[]): Promise<RoomId[]> {
    const joined = await Promise.all(rooms.map((roomId) => this.isJoined(roomId, userId)))
    return rooms.filter((_, index) => joined[index])
  }
}
