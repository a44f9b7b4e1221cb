import type { RoomId, UserId } from '@starling/protocol'
import type { FoundUser, Position, RoomReader } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'
import { stateEvents } from '../rooms/state-reading.ts'

/** Rooms whose members are kept; the longest unused goes first and is read anew. */
const MAX_ROOMS = 200

/** Members of one room that are searched; in larger rooms the rest is found by user id only, over the network. */
const MAX_MEMBERS = 5_000

/** People in the rooms that a user is in, by the names that they have there. */
export class RoomPeople {
  readonly #reader: RoomReader
  readonly #rooms = new LruCache<RoomId, { readonly asOf: Position; readonly people: readonly FoundUser[] }>(MAX_ROOMS)

  constructor(reader: RoomReader) {
    this.#reader = reader
  }

  /** Each once, whichever room has them. */
  async of(userId: UserId): Promise<ReadonlyMap<UserId, FoundUser>> {
    const found = new Map<UserId, FoundUser>()
    for (const { roomId, membership } of await this.#reader.roomsOf(userId)) {
      if (membership !== 'join') continue
      for (const person of await this.#members(roomId)) found.set(person.userId, person)
    }
    return found
  }

  async #members(roomId: RoomId): Promise<readonly FoundUser[]> {
    const asOf = await this.#reader.lastChange(roomId)
    const kept = this.#rooms.get(roomId)
    if (kept?.asOf === asOf) return kept.people
    const state = await this.#reader.currentState(roomId)
    const events = await stateEvents(this.#reader, roomId, state, (type) => type === 'm.room.member')
    const people = events.slice(0, MAX_MEMBERS).flatMap(({ pdu }): FoundUser[] => {
      const { membership, displayname, avatar_url } = pdu.content
      if (membership !== 'join' && membership !== 'invite') return []
      return [
        {
          userId: pdu.stateKey as UserId,
          displayName: typeof displayname === 'string' ? displayname : undefined,
          avatarUrl: typeof avatar_url === 'string' ? avatar_url : undefined,
        },
      ]
    })
    this.#rooms.set(roomId, { asOf, people })
    return people
  }
}
