import {
  type EventId,
  ownValue,
  parseUserId,
  type ServerName,
  type StateSlot,
  serverOf,
  slotKey,
  type UserId,
} from '@starling/protocol'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomState, StateDelta } from '../state/state-store.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { type MembershipName, tables } from '../store/tables.ts'

const MEMBERSHIPS: ReadonlySet<unknown> = new Set<MembershipName>(['join', 'invite', 'leave', 'ban', 'knock'])

interface Member {
  readonly userId: UserId
  readonly membership: MembershipName | undefined
  readonly event: StoredEvent | undefined
}

/**
 * Makes `next` the room's current state: the log of changes that syncs read, the memberships by user, the joined users and
 * servers and the counts all follow in the same batch. `place` is the position at which it happens.
 */
export async function changeCurrentState(
  transaction: RoomTransaction,
  next: RoomState,
  place: { readonly position: number; affects(user: UserId): void },
): Promise<void> {
  const head = transaction.requireHead()
  const previous = head.state
  if (previous.id === next.id) return
  const delta = previous.map.changesTo(next.map)
  for (const [slot, eventId] of delta) {
    transaction.write(tables.stateChange.put([head.number, place.position, slot], eventId ?? null))
  }
  transaction.head = { ...head, state: next, lastStateChange: place.position }
  await changeMembers(transaction, previous, delta, place)
}

async function changeMembers(
  transaction: RoomTransaction,
  previous: RoomState,
  delta: StateDelta,
  place: { readonly position: number; affects(user: UserId): void },
): Promise<void> {
  const slots = [...delta].filter(([slot]) => isMember(slot))
  if (slots.length === 0) return
  const ids = slots.flatMap(([slot, eventId]) => [previous.map.get(slot) ?? [], eventId ?? []].flat())
  const events = await transaction.events(ids)
  const head = transaction.requireHead()
  const counts = { joined: head.joined, invited: head.invited }
  const joins = new Map<ServerName, number>()
  for (const [slot, eventId] of slots) {
    const before = memberOf(slot, previous.map.get(slot), events)
    const after = memberOf(slot, eventId, events)
    if (!before || !after) continue
    place.affects(after.userId)
    writeMembership(transaction, head, after, place.position)
    count(counts, joins, before, -1)
    count(counts, joins, after, 1)
  }
  const servers = changeServers(transaction, head, joins)
  transaction.head = { ...transaction.requireHead(), ...counts, servers }
}

function writeMembership(transaction: RoomTransaction, head: RoomHead, member: Member, position: number): void {
  const { userId, membership, event } = member
  if (!event || membership === undefined) {
    transaction.write(tables.membership.del([userId, head.number]), tables.roomMember.del([head.number, userId]))
    return
  }
  const { eventId, sender } = event.pdu
  transaction.write(
    tables.membership.put([userId, head.number], { roomId: head.roomId, membership, eventId, sender, position }),
    tables.roomMember.put([head.number, userId], membership),
  )
}

/** `joins`: by how much the joined users of a server change. */
function count(
  counts: { joined: number; invited: number },
  joins: Map<ServerName, number>,
  { userId, membership }: Member,
  by: 1 | -1,
): void {
  if (membership === 'invite') counts.invited += by
  if (membership !== 'join') return
  counts.joined += by
  const server = serverOf(userId)
  joins.set(server, (joins.get(server) ?? 0) + by)
}

function changeServers(
  transaction: RoomTransaction,
  { number, servers }: RoomHead,
  joins: ReadonlyMap<ServerName, number>,
): RoomHead['servers'] {
  const changes = new Map<ServerName, number | undefined>()
  for (const [server, by] of joins) {
    if (by === 0) continue
    const joined = (servers.get(server) ?? 0) + by
    changes.set(server, joined > 0 ? joined : undefined)
    const key: [typeof number, ServerName] = [number, server]
    transaction.write(joined > 0 ? tables.joinedServer.put(key, joined) : tables.joinedServer.del(key))
  }
  return servers.with(changes)
}

function memberOf(
  slot: StateSlot,
  eventId: EventId | undefined,
  events: ReadonlyMap<EventId, StoredEvent>,
): Member | undefined {
  const userId = parseUserId(slotKey(slot).stateKey)
  if (!userId) return undefined
  const event = eventId === undefined ? undefined : events.get(eventId)
  return { userId, membership: event && membershipOf(event), event }
}

/** The `membership` of an `m.room.member` event; undefined where it is none of the five. */
export function membershipOf(event: Pick<StoredEvent, 'pdu'>): MembershipName | undefined {
  const membership = ownValue(event.pdu.content, 'membership')
  return MEMBERSHIPS.has(membership) ? (membership as MembershipName) : undefined
}

const MEMBER_PREFIX = `${'m.room.member'.length}:m.room.member`

function isMember(slot: StateSlot): boolean {
  return slot.startsWith(MEMBER_PREFIX)
}
