import { type JsonObject, type RoomId, type StateMap, type StateSlot, slotKey, type UserId } from '@starling/protocol'
import type { Membership, RoomEvent, RoomReader } from '../ports.ts'
import { membershipIn, stringIn } from '../rooms/content.ts'
import { eventsInOrder } from '../rooms/state-reading.ts'

/** Heroes named at most (the spec's five), and members looked at to find them: rooms beyond that have a name. */
const MAX_HEROES = 5
const MAX_LOOKED_AT = 100

export interface RoomSummary {
  readonly summary: JsonObject
  readonly heroes: readonly UserId[]
}

/**
 * `summary` of a joined room (Client-Server API, "RoomSummary"): member counts, and where the room has neither name nor
 * canonical alias the members from whom a client makes one.
 */
export async function roomSummary(
  reader: RoomReader,
  roomId: RoomId,
  userId: UserId,
  state: StateMap,
): Promise<RoomSummary> {
  const counts = await reader.memberCounts(roomId)
  const heroes = (await hasName(reader, roomId))
    ? undefined
    : (await roomHeroes(reader, roomId, userId, state)).map((event) => event.pdu.stateKey as UserId)
  return {
    heroes: heroes ?? [],
    summary: {
      ...(heroes && { 'm.heroes': heroes }),
      'm.joined_member_count': counts.joined,
      'm.invited_member_count': counts.invited,
    },
  }
}

async function hasName(reader: RoomReader, roomId: RoomId): Promise<boolean> {
  const [name, alias] = await Promise.all([
    reader.stateEvent(roomId, 'm.room.name', ''),
    reader.stateEvent(roomId, 'm.room.canonical_alias', ''),
  ])
  return Boolean(stringIn(name?.pdu.content, 'name') || stringIn(alias?.pdu.content, 'alias'))
}

/**
 * Members other than the user by whom a room without a name is called: the joined and invited in the order of their arrival;
 * those who left or were banned where there are none.
 */
export async function roomHeroes(
  reader: RoomReader,
  roomId: RoomId,
  userId: UserId,
  state: StateMap,
): Promise<RoomEvent[]> {
  const ids = []
  for (const [slot, eventId] of state) {
    const { type, stateKey } = slotKey(slot as StateSlot)
    if (type !== 'm.room.member' || stateKey === userId) continue
    ids.push(eventId)
    if (ids.length === MAX_LOOKED_AT) break
  }
  const members = (await eventsInOrder(reader, roomId, ids)).sort((a, b) => placeOf(a) - placeOf(b))
  const present = withMembership(members, ['join', 'invite'])
  const shown = present.length > 0 ? present : withMembership(members, ['leave', 'ban'])
  return shown.slice(0, MAX_HEROES)
}

function withMembership(members: readonly RoomEvent[], memberships: readonly Membership[]): RoomEvent[] {
  return members.filter((event) => memberships.includes(membershipIn(event)))
}

/** Members from before this server came are first. */
function placeOf(event: RoomEvent): number {
  return event.order ?? Number.MIN_SAFE_INTEGER
}
