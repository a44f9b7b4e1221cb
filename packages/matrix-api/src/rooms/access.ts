import type { EventId, RoomId, UserId } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import type { RoomReader } from '../ports.ts'
import { stringIn } from './content.ts'
import { departureOf, ownMemberships } from './own-memberships.ts'

/** What a user may read of a room at all; `visibility.ts` says which events of it. */
export type RoomAccess =
  | { readonly kind: 'joined' }
  /** Was joined; sees the room as it was up to the event that ended it, at place `until`. */
  | { readonly kind: 'departed'; readonly eventId: EventId; readonly until: number }
  /** Not a member, but the room's history is `world_readable` now. */
  | { readonly kind: 'preview' }
  | { readonly kind: 'none' }

export type OpenAccess = Exclude<RoomAccess, { kind: 'none' }>

/**
 * Client-Server API, "Room membership" and "Room History Visibility". Forgotten rooms, invites, knocks, and rooms left
 * without ever having been joined count as not being a member.
 */
export async function roomAccess(reader: RoomReader, roomId: RoomId, userId: UserId): Promise<RoomAccess> {
  const row = await reader.membership(roomId, userId)
  if (row?.membership === 'join') return { kind: 'joined' }
  if ((row?.membership === 'leave' || row?.membership === 'ban') && !row.forgotten) {
    const departure = departureOf(await ownMemberships(reader, roomId, userId))
    if (departure) {
      return { kind: 'departed', eventId: departure.eventId, until: departure.event.order ?? row.position }
    }
  }
  return (await isWorldReadable(reader, roomId)) ? { kind: 'preview' } : { kind: 'none' }
}

/**
 * {@link roomAccess}, or 403 `M_FORBIDDEN`: the same whether the room exists or not, so that nobody learns of rooms by
 * asking.
 */
export async function requireAccess(reader: RoomReader, roomId: RoomId, userId: UserId): Promise<OpenAccess> {
  const access = await roomAccess(reader, roomId, userId)
  if (access.kind === 'none') throw notInRoom()
  return access
}

/** 403 `M_FORBIDDEN` unless the user is in the room now. */
export async function requireJoined(reader: RoomReader, roomId: RoomId, userId: UserId): Promise<void> {
  const row = await reader.membership(roomId, userId)
  if (row?.membership !== 'join') throw notInRoom()
}

export function notInRoom(): MatrixError {
  return new MatrixError(403, 'M_FORBIDDEN', 'You are not in this room')
}

async function isWorldReadable(reader: RoomReader, roomId: RoomId): Promise<boolean> {
  if ((await reader.roomVersion(roomId)) === undefined) return false
  const event = await reader.stateEvent(roomId, 'm.room.history_visibility', '')
  return stringIn(event?.pdu.content, 'history_visibility') === 'world_readable'
}
