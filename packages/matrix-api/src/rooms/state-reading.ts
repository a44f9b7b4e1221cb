import {
  type EventId,
  type RoomId,
  type StateMap,
  type StateSlot,
  slotKey,
  stateSlot,
  type UserId,
} from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../ports.ts'

/** Events of the slots that `wants` picks, in the state map's order; slots whose event is not stored are left out. */
export async function stateEvents(
  reader: RoomReader,
  roomId: RoomId,
  state: StateMap,
  wants?: (type: string, stateKey: string) => boolean,
): Promise<RoomEvent[]> {
  const ids: EventId[] = []
  for (const [slot, eventId] of state) {
    if (wants) {
      const { type, stateKey } = slotKey(slot as StateSlot)
      if (!wants(type, stateKey)) continue
    }
    ids.push(eventId)
  }
  return eventsInOrder(reader, roomId, ids)
}

/**
 * Room state at a place in the timeline: after the last event at or before it. Before the first event that is known here,
 * the state of now.
 */
export async function stateAtPlace(reader: RoomReader, roomId: RoomId, place: number): Promise<StateMap> {
  const walk = { direction: 'b', from: place, to: Number.MIN_SAFE_INTEGER, limit: 1 } as const
  const last = (await reader.timeline(roomId, walk)).events[0]
  return last ? reader.stateAfter(roomId, last.pdu.eventId) : reader.currentState(roomId)
}

/** Membership events of these users in a state. */
export function memberEvents(
  reader: RoomReader,
  roomId: RoomId,
  state: StateMap,
  users: Iterable<UserId>,
): Promise<RoomEvent[]> {
  const ids = [...new Set(users)].map((user) => state.get(stateSlot('m.room.member', user)))
  return eventsInOrder(
    reader,
    roomId,
    ids.filter((id) => id !== undefined),
  )
}

/** `reader.events` in the order asked for. */
export async function eventsInOrder(reader: RoomReader, roomId: RoomId, ids: readonly EventId[]): Promise<RoomEvent[]> {
  if (ids.length === 0) return []
  const events = await reader.events(roomId, ids)
  const byId = new Map(events.map((event) => [event.pdu.eventId, event]))
  return ids.map((id) => byId.get(id)).filter((event) => event !== undefined)
}
