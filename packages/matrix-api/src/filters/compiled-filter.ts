import type { JsonObject, UserId } from '@starling/protocol'
import { checkInput } from '../http/check-input.ts'
import { parseJsonBody } from '../http/json.ts'
import { MatrixError } from '../http/matrix-error.ts'
import { eventFields } from './event-fields.ts'
import { type EventMatcher, eventMatcher, roomMatcher } from './event-matcher.ts'
import {
  type EventFilter,
  type Filter,
  filterSchema,
  type RoomEventFilter,
  roomEventFilterSchema,
} from './filter-definition.ts'
import type { FilterStore } from './filter-store.ts'

/** Default and largest `limit`: of timelines in /sync, and of other lists there (which have no default). */
const TIMELINE_LIMIT = { fallback: 10, max: 250 } as const
const LIST_LIMIT = 1_000

/** One part of a filter, ready to use. */
export interface CompiledEventFilter extends EventMatcher {
  readonly limit: number
}

export interface CompiledRoomEventFilter extends CompiledEventFilter {
  readonly lazyLoadMembers: boolean
  readonly includeRedundantMembers: boolean
  readonly unreadThreadNotifications: boolean
}

/** A whole filter, ready to use; absent parts let everything through. */
export interface CompiledFilter {
  readonly format: 'client' | 'federation'
  readonly fields: (event: JsonObject) => JsonObject
  readonly presence: CompiledEventFilter
  readonly accountData: CompiledEventFilter
  readonly includesRoom: (roomId: string) => boolean
  readonly includeLeave: boolean
  readonly timeline: CompiledRoomEventFilter
  readonly state: CompiledRoomEventFilter
  readonly ephemeral: CompiledRoomEventFilter
  readonly roomAccountData: CompiledRoomEventFilter
}

export function compileFilter(filter: Filter): CompiledFilter {
  const { room } = filter
  return {
    format: filter.event_format ?? 'client',
    fields: eventFields(filter.event_fields),
    presence: compile(filter.presence),
    accountData: compile(filter.account_data),
    includesRoom: roomMatcher(room),
    includeLeave: room?.include_leave ?? false,
    timeline: compileRoomEventFilter(room?.timeline, TIMELINE_LIMIT),
    state: compileRoomEventFilter(room?.state),
    ephemeral: compileRoomEventFilter(room?.ephemeral),
    roomAccountData: compileRoomEventFilter(room?.account_data),
  }
}

export function compileRoomEventFilter(
  filter: RoomEventFilter | undefined,
  limits: { readonly fallback: number; readonly max: number } = { fallback: LIST_LIMIT, max: LIST_LIMIT },
): CompiledRoomEventFilter {
  return {
    ...eventMatcher(filter),
    limit: Math.min(filter?.limit ?? limits.fallback, limits.max),
    lazyLoadMembers: filter?.lazy_load_members ?? false,
    includeRedundantMembers: filter?.include_redundant_members ?? false,
    unreadThreadNotifications: filter?.unread_thread_notifications ?? false,
  }
}

/** `filter` of /sync: an id, or JSON where it begins with `{`. 400 for an unknown id or what is no filter. */
export async function filterOf(
  text: string | undefined,
  userId: UserId,
  filters: FilterStore,
): Promise<CompiledFilter> {
  if (text === undefined || text === '') return compileFilter({})
  if (text.startsWith('{')) return compileFilter(checkInput(filterSchema, parseInline(text)))
  const stored = await filters.get(userId, text)
  if (!stored) throw new MatrixError(400, 'M_INVALID_PARAM', 'No such filter')
  return compileFilter(checkInput(filterSchema, stored))
}

/** `filter` of /messages and its kin: a `RoomEventFilter` as JSON. */
export function roomEventFilterOf(text: string | undefined): CompiledRoomEventFilter {
  if (text === undefined || text === '') return compileRoomEventFilter(undefined)
  return compileRoomEventFilter(checkInput(roomEventFilterSchema, parseInline(text)))
}

function parseInline(text: string): JsonObject {
  return parseJsonBody(Buffer.from(text, 'utf8'), 'any')
}

function compile(filter: EventFilter | undefined): CompiledEventFilter {
  return { ...eventMatcher(filter), limit: Math.min(filter?.limit ?? LIST_LIMIT, LIST_LIMIT) }
}
