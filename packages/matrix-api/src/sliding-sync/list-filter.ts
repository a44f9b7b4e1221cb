import type { RoomFacts } from './room-facts.ts'
import type { RoomLabels } from './room-labels.ts'
import type { ListFilter } from './sliding-request.ts'
import type { OrderedRoom } from './user-room-order.ts'

/** What a room is judged by. `facts` is there where {@link needsFacts} says so. */
export interface FilteredRoom {
  readonly room: OrderedRoom
  readonly labels: RoomLabels
  readonly facts: RoomFacts | undefined
  /** Rooms that the filter's `spaces` name as their children. */
  readonly inSpaces: ReadonlySet<string>
}

type Check = (filter: ListFilter, room: FilteredRoom) => boolean

/** Each key of a list's `filters` (MSC4186, "SlidingRoomFilter"); a room has to pass all. Absent keys let everything pass. */
const CHECKS: readonly Check[] = [
  ({ is_dm: wanted }, { room, labels }) => isUnset(wanted) || labels.direct.has(room.row.roomId) === wanted,
  ({ spaces }, { room, inSpaces }) => isUnset(spaces) || inSpaces.has(room.row.roomId),
  ({ is_encrypted: wanted }, { facts }) => isUnset(wanted) || facts?.encrypted === wanted,
  ({ is_invite, is_invited }, { room }) => {
    const wanted = is_invite ?? is_invited
    return isUnset(wanted) || (room.kind === 'invited') === wanted
  },
  ({ room_types: types }, { facts }) => isUnset(types) || (facts !== undefined && types.includes(facts.type)),
  ({ not_room_types: types }, { facts }) => isUnset(types) || facts === undefined || !types.includes(facts.type),
  ({ room_name_like: part }, { facts }) =>
    isUnset(part) || (facts?.name.toLowerCase().includes(part.toLowerCase()) ?? false),
  ({ tags }, room) => isUnset(tags) || hasTag(room, tags),
  ({ not_tags: tags }, room) => isUnset(tags) || !hasTag(room, tags),
]

export function passesFilter(filter: ListFilter, room: FilteredRoom): boolean {
  return CHECKS.every((check) => check(filter, room))
}

/** Whether the filter asks for what only a room's state says. */
export function needsFacts(filter: ListFilter): boolean {
  const { is_encrypted, room_types, not_room_types, room_name_like } = filter
  return [is_encrypted, room_types, not_room_types, room_name_like].some((wanted) => !isUnset(wanted))
}

function hasTag({ room, labels }: FilteredRoom, tags: readonly string[]): boolean {
  const own = labels.tags.get(room.row.roomId)
  return own !== undefined && tags.some((tag) => own.has(tag))
}

function isUnset(value: unknown): value is null | undefined {
  return value === null || value === undefined
}
