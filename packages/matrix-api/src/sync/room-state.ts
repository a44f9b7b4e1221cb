import {
  type EventId,
  type RoomId,
  type StateMap,
  type StateSlot,
  slotKey,
  stateSlot,
  type UserId,
} from '@starling/protocol'
import type { Position, RoomEvent, RoomReader } from '../ports.ts'
import { eventsInOrder } from '../rooms/state-reading.ts'
import type { SyncContext } from './context.ts'
import { sinceOf } from './context.ts'
import { firstBySlot } from './room-timeline.ts'

/**
 * The `state` (or `state_after`) part of a room in /sync.
 *
 * `state` is the room's state just before the timeline's first event, so that a client that applies the timeline's state
 * events to it ends with the room's current state. That holds also where state resolution changed slots without an event
 * in the timeline, and where the filter or the room's history kept a state event out of it: such slots are given with the
 * value they have at the end. `state_after` is the state at the end for all slots, the timeline left aside.
 */
export interface StateQuery {
  readonly roomId: RoomId
  /** The room is new to the client, or `full_state`: everything. Otherwise what changed since. */
  readonly whole: boolean
  readonly timeline: readonly RoomEvent[]
  /** The room's state at the end of the window. */
  readonly stateAtEnd: () => Promise<StateMap>
  readonly upTo: Position
  /** Members that the client needs to show the answer, beside the timeline's senders: heroes, itself. */
  readonly alsoMembers: readonly UserId[]
}

const MEMBER = 'm.room.member'

export async function readState(context: SyncContext, query: StateQuery): Promise<RoomEvent[]> {
  const ids = query.whole ? await wholeState(context, query) : await changedState(context, query)
  const events = await eventsInOrder(context.sources.reader, query.roomId, [...new Set(ids)])
  const filter = context.filter.state
  const wanted = events.filter(({ pdu }) =>
    filter.matches({ type: pdu.type, sender: pdu.sender, content: pdu.content }),
  )
  if (filter.lazyLoadMembers) noteMembers(context, query.roomId, [...wanted, ...query.timeline])
  return wanted
}

async function wholeState(context: SyncContext, query: StateQuery): Promise<EventId[]> {
  const state = await query.stateAtEnd()
  const needed = context.filter.state.lazyLoadMembers ? neededMembers(query) : undefined
  const inTimeline = isStateAfter(context) ? new Map<StateSlot, RoomEvent>() : firstBySlot(query.timeline)
  const ids: EventId[] = []
  const take = (slot: StateSlot, eventId: EventId | undefined) => {
    if (eventId === undefined || (needed && isUnneededMember(slot, needed))) return
    ids.push(eventId)
  }
  for (const [slot, eventId] of state) {
    const first = inTimeline.get(slot)
    take(slot, first ? first.replaces : eventId)
  }
  for (const [slot, first] of inTimeline) {
    if (!state.has(slot)) take(slot, first.replaces)
  }
  return ids
}

async function changedState(context: SyncContext, query: StateQuery): Promise<EventId[]> {
  const { reader } = context.sources
  const changes = await reader.stateChanges(query.roomId, sinceOf(context), query.upTo)
  const inTimeline = firstBySlot(query.timeline)
  const last = new Map<StateSlot, EventId | undefined>()
  const seen = new Set<EventId>()
  for (const { slot, eventId } of changes) {
    last.set(slot, eventId)
    if (eventId !== undefined) seen.add(eventId)
  }
  const ids: EventId[] = []
  for (const [slot, eventId] of last) {
    const first = isStateAfter(context) ? undefined : inTimeline.get(slot)
    // Before the timeline's own change of the slot, the client knows what was there at `since`, unless that changed in a gap.
    const before = first?.replaces
    if (first) {
      if (before !== undefined && seen.has(before)) ids.push(before)
    } else if (eventId !== undefined) ids.push(eventId)
  }
  if (context.filter.state.lazyLoadMembers) ids.push(...(await missingMembers(context, query, inTimeline)))
  return ids
}

/** Membership events of the needed members that the device has not been sent. */
async function missingMembers(
  context: SyncContext,
  query: StateQuery,
  inTimeline: ReadonlyMap<StateSlot, RoomEvent>,
): Promise<EventId[]> {
  const { memory, requester, sources } = context
  const since = sinceOf(context)
  const ids: EventId[] = []
  for (const member of neededMembers(query)) {
    const first = isStateAfter(context) ? undefined : inTimeline.get(stateSlot(MEMBER, member))
    const eventId = first ? first.replaces : await memberEventId(sources.reader, query.roomId, member)
    if (eventId === undefined) continue
    const redundant = memory.sentMembers.has(requester, query.roomId, member, eventId, since)
    if (!redundant || context.filter.state.includeRedundantMembers) ids.push(eventId)
  }
  return ids
}

async function memberEventId(reader: RoomReader, roomId: RoomId, member: UserId): Promise<EventId | undefined> {
  return (await reader.stateEvent(roomId, MEMBER, member))?.pdu.eventId
}

function isStateAfter({ stateKey }: SyncContext): boolean {
  return stateKey !== 'state'
}

function neededMembers(query: StateQuery): Set<UserId> {
  return new Set([...query.timeline.map((event) => event.pdu.sender), ...query.alsoMembers])
}

function isUnneededMember(slot: StateSlot, needed: ReadonlySet<UserId>): boolean {
  const { type, stateKey } = slotKey(slot)
  return type === MEMBER && !needed.has(stateKey as UserId)
}

function noteMembers(context: SyncContext, roomId: RoomId, events: readonly RoomEvent[]): void {
  const { memory, requester, to } = context
  for (const { pdu } of events) {
    if (pdu.type !== MEMBER || pdu.stateKey === undefined) continue
    memory.sentMembers.note(requester, roomId, pdu.stateKey as UserId, pdu.eventId, to)
  }
}

/** Current state rolled back over changes that came after the window while it was being read. */
export async function stateAt(reader: RoomReader, roomId: RoomId, upTo: Position): Promise<StateMap> {
  const state = await reader.currentState(roomId)
  const newest = await reader.lastChange(roomId)
  if (newest <= upTo) return state
  const rolledBack = new Map(state)
  const undone = new Set<StateSlot>()
  for (const { slot, eventId } of await reader.stateChanges(roomId, upTo, newest)) {
    if (undone.has(slot)) continue
    undone.add(slot)
    const replaced = eventId === undefined ? undefined : (await reader.event(roomId, eventId))?.replaces
    if (replaced === undefined) rolledBack.delete(slot)
    else rolledBack.set(slot, replaced)
  }
  return rolledBack
}
