import type { EventId, RoomId, UserId } from '@starling/protocol'
import type { Requester } from '../http/endpoint.ts'
import type { Position } from '../ports.ts'
import { LruCache } from '../rooms/lru-cache.ts'

/** Rooms of devices remembered; members remembered for each. What is dropped is only sent once more. */
const MAX_ROOMS = 4_000
const MAX_MEMBERS = 2_000

interface Sent {
  readonly eventId: EventId
  /** End of the window of the answer that carried it: the client has it once it syncs from there. */
  readonly at: Position
}

/**
 * Which membership events a device already has (Client-Server API, "Lazy-loading room members"), so that redundant ones
 * are left out. An answer that got lost on its way is not counted: only what lies at or below the `since` that the
 * client comes back with.
 */
export class SentMembers {
  readonly #rooms = new LruCache<string, LruCache<UserId, Sent>>(MAX_ROOMS)

  has(requester: Requester, roomId: RoomId, member: UserId, eventId: EventId, since: Position): boolean {
    const sent = this.#rooms.get(keyOf(requester, roomId))?.get(member)
    return sent !== undefined && sent.eventId === eventId && sent.at <= since
  }

  note(requester: Requester, roomId: RoomId, member: UserId, eventId: EventId, at: Position): void {
    const key = keyOf(requester, roomId)
    let room = this.#rooms.get(key)
    if (!room) {
      room = new LruCache(MAX_MEMBERS)
      this.#rooms.set(key, room)
    }
    // Sent again because an answer seemed lost: the earlier one may have arrived after all.
    const known = room.get(member)
    room.set(member, { eventId, at: known?.eventId === eventId ? Math.min(known.at, at) : at })
  }

  /** The device starts afresh in this room. */
  forget(requester: Requester, roomId: RoomId): void {
    this.#rooms.delete(keyOf(requester, roomId))
  }
}

function keyOf(requester: Requester, roomId: RoomId): string {
  return `${requester.userId} ${requester.deviceId} ${roomId}`
}
