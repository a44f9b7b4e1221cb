import { type EventId, type JsonObject, type StateSlot, slotKey, stateSlot, type UserId } from '@starling/protocol'
import { serialiseState } from '../rooms/event-serialiser.ts'
import { eventsInOrder } from '../rooms/state-reading.ts'
import type { RoomTimeline } from '../sync/room-timeline.ts'
import type { UpdatedRoom } from './room-update.ts'
import type { SlidingContext } from './sliding-context.ts'

const MEMBER = 'm.room.member'
/** Lazily loaded members remembered per room of a connection. */
const MAX_MEMBERS = 500

export interface StateAnswer {
  readonly json: readonly JsonObject[]
  readonly members: ReadonlyMap<UserId, EventId>
  /** Slots that changed since the client last got the room; undefined where it gets all of it. */
  readonly changed: ReadonlySet<StateSlot> | undefined
}

/**
 * `required_state`: the room's current state as far as it is asked for, or what of it changed. Deleted state is given as
 * `{type, state_key}` (MSC4186, "StateStub").
 */
export async function requiredState(
  context: SlidingContext,
  room: UpdatedRoom,
  timeline: RoomTimeline | undefined,
): Promise<StateAnswer> {
  const { occasion, before, wanted } = room
  const changes = occasion.whole ? undefined : await changedSlots(context, room)
  const ids = new Map<StateSlot, EventId | undefined>(occasion.whole ? await wholeState(room) : undefined)
  for (const [slot, eventId] of changes ?? []) {
    if (isWanted(room, slot) || isMemberUpdate(room, slot, timeline)) ids.set(slot, eventId)
  }
  if (occasion.grown) for (const [slot, eventId] of await grownState(room)) ids.set(slot, eventId)
  const known = before && !occasion.whole ? before.members : new Map<UserId, EventId>()
  if (wanted.config.requiredState.lazyMembers && timeline) {
    for (const [slot, eventId] of await lazyMembers(room, timeline, known)) ids.set(slot, eventId)
  }
  const { roomId } = wanted.room.row
  const wantedIds = [...ids.values()].filter((id) => id !== undefined)
  const events = await eventsInOrder(context.sources.reader, roomId, wantedIds)
  return {
    json: [...(await serialiseState(context.sources.reader, events, context.form)), ...stubs(ids)],
    members: withMembers(known, ids),
    changed: changes && new Set(changes.keys()),
  }
}

/** The newest of each slot that changed in the window. */
async function changedSlots(
  context: SlidingContext,
  { wanted, occasion, end }: UpdatedRoom,
): Promise<ReadonlyMap<StateSlot, EventId | undefined>> {
  if (!occasion.changed) return new Map()
  const changes = await context.sources.reader.stateChanges(wanted.room.row.roomId, occasion.from, end)
  return new Map(changes.map(({ slot, eventId }) => [slot, eventId]))
}

async function wholeState(room: UpdatedRoom): Promise<[StateSlot, EventId][]> {
  return [...(await room.stateAtEnd())].filter(([slot]) => isWanted(room, slot))
}

/** What is wanted now and was not before. */
async function grownState(room: UpdatedRoom): Promise<[StateSlot, EventId][]> {
  const earlier = room.before?.config.requiredState
  return [...(await room.stateAtEnd())].filter(([slot]) => {
    const { type, stateKey } = slotKey(slot)
    return isWanted(room, slot) && !earlier?.wants(type, stateKey)
  })
}

function isWanted({ wanted }: UpdatedRoom, slot: StateSlot): boolean {
  const { type, stateKey } = slotKey(slot)
  return wanted.config.requiredState.wants(type, stateKey)
}

/** Without a gap, who loads members lazily gets all their changes, so that a client can keep a list of members. */
function isMemberUpdate({ wanted }: UpdatedRoom, slot: StateSlot, timeline: RoomTimeline | undefined): boolean {
  return wanted.config.requiredState.lazyMembers && timeline?.limited === false && slotKey(slot).type === MEMBER
}

/** Senders of the timeline, and those whose membership it changes, as far as the client does not have them. */
async function lazyMembers(
  room: UpdatedRoom,
  timeline: RoomTimeline,
  known: ReadonlyMap<UserId, EventId>,
): Promise<[StateSlot, EventId][]> {
  const needed = new Set(timeline.events.map(({ pdu }) => pdu.sender))
  for (const { pdu } of timeline.events) {
    if (pdu.type === MEMBER && pdu.stateKey !== undefined) needed.add(pdu.stateKey as UserId)
  }
  if (needed.size === 0) return []
  const state = await room.stateAtEnd()
  return [...needed].flatMap((user) => {
    const slot = stateSlot(MEMBER, user)
    const eventId = state.get(slot)
    return eventId === undefined || known.get(user) === eventId ? [] : [[slot, eventId] as [StateSlot, EventId]]
  })
}

function stubs(ids: ReadonlyMap<StateSlot, EventId | undefined>): JsonObject[] {
  return [...ids]
    .filter(([, eventId]) => eventId === undefined)
    .map(([slot]) => {
      const { type, stateKey } = slotKey(slot)
      return { type, state_key: stateKey }
    })
}

function withMembers(
  known: ReadonlyMap<UserId, EventId>,
  ids: ReadonlyMap<StateSlot, EventId | undefined>,
): ReadonlyMap<UserId, EventId> {
  const sent = [...ids].flatMap(([slot, eventId]) => {
    const { type, stateKey } = slotKey(slot)
    return type === MEMBER && eventId !== undefined ? [[stateKey as UserId, eventId] as const] : []
  })
  if (sent.length === 0) return known
  const members = new Map(known)
  for (const [user, eventId] of sent) {
    members.delete(user)
    members.set(user, eventId)
  }
  for (const user of members.keys()) {
    if (members.size <= MAX_MEMBERS) break
    members.delete(user)
  }
  return members
}
