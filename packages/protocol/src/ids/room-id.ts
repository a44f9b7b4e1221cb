import type { EventId, RoomAlias, RoomId } from './branded.ts'
import { fitsBytes } from './byte-length.ts'
import { IdError } from './id-error.ts'
import { parseServerName } from './server-name.ts'

/** 32 bytes in unpadded base64, of either alphabet: version 3 uses the standard one, 4 and later the URL-safe one. */
const HASH = /^[A-Za-z0-9+/_-]{43}$/

/** How a room version writes room or event ids: with a server's name, or as a hash. */
export type IdForm = 'domain' | 'hash'

/**
 * `!opaque:server` or `!<43 characters of base64>`, at most 255 bytes. With `form`, only that of the room version at hand.
 * Appendices, "Room IDs".
 */
export function parseRoomId(text: unknown, form?: IdForm): RoomId | undefined {
  return hasSigil(text, '!') && isOpaqueId(text, form) ? (text as RoomId) : undefined
}

/** `$opaque:server` or `$<43 characters of base64>`, at most 255 bytes. Appendices, "Event IDs". */
export function parseEventId(text: unknown, form?: IdForm): EventId | undefined {
  return hasSigil(text, '$') && isOpaqueId(text, form) ? (text as EventId) : undefined
}

/** `#localpart:server`, at most 255 bytes. Appendices, "Room Aliases". */
export function parseRoomAlias(text: unknown): RoomAlias | undefined {
  return hasSigil(text, '#') && isOpaqueId(text, 'domain') ? (text as RoomAlias) : undefined
}

/** {@link parseRoomId}, throwing `IdError`. */
export function assertRoomId(text: unknown): RoomId {
  const roomId = parseRoomId(text)
  if (roomId === undefined) throw new IdError('room id', text)
  return roomId
}

/** {@link parseEventId}, throwing `IdError`. */
export function assertEventId(text: unknown): EventId {
  const eventId = parseEventId(text)
  if (eventId === undefined) throw new IdError('event id', text)
  return eventId
}

/** {@link parseRoomAlias}, throwing `IdError`. */
export function assertRoomAlias(text: unknown): RoomAlias {
  const alias = parseRoomAlias(text)
  if (alias === undefined) throw new IdError('room alias', text)
  return alias
}

/** Room version 12: the room's id is its create event's id with `!` for `$`. */
export function roomIdOfCreate(createId: EventId): RoomId {
  return `!${createId.slice(1)}` as RoomId
}

/** The inverse of {@link roomIdOfCreate}; meaningful in room version 12 only. */
export function createIdOfRoom(roomId: RoomId): EventId {
  return `$${roomId.slice(1)}` as EventId
}

function hasSigil(text: unknown, sigil: string): text is string {
  return typeof text === 'string' && text.startsWith(sigil) && fitsBytes(text)
}

function isOpaqueId(text: string, form: IdForm | undefined): boolean {
  const colon = text.indexOf(':')
  if (colon === -1) return form !== 'domain' && HASH.test(text.slice(1))
  if (form === 'hash') return false
  return isOpaqueLocalpart(text.slice(1, colon)) && parseServerName(text.slice(colon + 1)) !== undefined
}

function isOpaqueLocalpart(localpart: string): boolean {
  return !localpart.includes('\0') && localpart.isWellFormed()
}
