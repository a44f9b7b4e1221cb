import type { EventId, RoomAlias, RoomId, ServerName, UserId } from './branded.ts'

/** The server that an id names. Room and event ids of newer room versions name none. */
export function serverOf(id: UserId | RoomAlias): ServerName
export function serverOf(id: RoomId | EventId): ServerName | undefined
export function serverOf(id: UserId | RoomAlias | RoomId | EventId): ServerName | undefined {
  const colon = id.indexOf(':')
  return colon === -1 ? undefined : (id.slice(colon + 1) as ServerName)
}

/** What stands between sigil and colon; the whole opaque part where there is no colon. */
export function localpartOf(id: UserId | RoomAlias | RoomId | EventId): string {
  const colon = id.indexOf(':')
  return colon === -1 ? id.slice(1) : id.slice(1, colon)
}
