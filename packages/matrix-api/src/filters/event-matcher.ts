import type { JsonObject } from '@starling/protocol'
import type { EventFilter, RoomEventFilter } from './filter-definition.ts'

/** What a filter looks at. */
export interface Filterable {
  readonly type: string
  /** undefined for events without a sender (account data, typing, receipts). */
  readonly sender?: string | undefined
  readonly content: JsonObject
}

/** An event filter made ready: checking one event costs as much for a thousand senders as for one. */
export interface EventMatcher {
  matches(event: Filterable): boolean
  /** By room, for room event filters; true for others. */
  matchesRoom(roomId: string): boolean
}

const EVERYTHING: EventMatcher = { matches: () => true, matchesRoom: () => true }

export function eventMatcher(filter: (EventFilter & Partial<RoomEventFilter>) | undefined): EventMatcher {
  if (!filter) return EVERYTHING
  const senders = inclusion(filter.senders, filter.not_senders)
  const rooms = inclusion(filter.rooms, filter.not_rooms)
  const types = typeInclusion(filter.types, filter.not_types)
  const containsUrl = filter.contains_url
  return {
    matches(event) {
      if (!types(event.type)) return false
      if (event.sender !== undefined && !senders(event.sender)) return false
      return containsUrl === undefined || (typeof event.content.url === 'string') === containsUrl
    },
    matchesRoom: rooms,
  }
}

/** Rooms of a whole `room` filter. */
export function roomMatcher(
  filter: { readonly rooms?: string[] | undefined; readonly not_rooms?: string[] | undefined } | undefined,
): (roomId: string) => boolean {
  return inclusion(filter?.rooms, filter?.not_rooms)
}

function inclusion(
  wanted: readonly string[] | undefined,
  unwanted: readonly string[] | undefined,
): (value: string) => boolean {
  const include = wanted && new Set(wanted)
  const exclude = new Set(unwanted)
  return (value) => !exclude.has(value) && (!include || include.has(value))
}

function typeInclusion(
  wanted: readonly string[] | undefined,
  unwanted: readonly string[] | undefined,
): (type: string) => boolean {
  const include = wanted && typeSet(wanted)
  const exclude = typeSet(unwanted ?? [])
  return (type) => !exclude(type) && (!include || include(type))
}

/** Types by set, patterns with `*` one by one. */
function typeSet(types: readonly string[]): (type: string) => boolean {
  const exact = new Set(types.filter((type) => !type.includes('*')))
  const patterns = types.filter((type) => type.includes('*')).map((pattern) => pattern.split('*'))
  return (type) => exact.has(type) || patterns.some((parts) => matchesParts(type, parts))
}

/**
 * True if `text` is the parts in their order with anything between them. Taking each part at its first place is enough,
 * so the work is linear: no pattern can make it explode.
 */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
