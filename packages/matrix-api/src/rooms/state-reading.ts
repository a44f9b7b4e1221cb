import { type EventId, type RoomId, type StateMap, type StateSlot, slotKey } from '@starling/protocol'
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

/** `reader.events` in the order asked for. */
export async function eventsInOrder(reader: RoomReader, roomId: RoomId, ids: readonly EventId[]): Promise<RoomEvent[]> {
  if (ids.length === 0) return []
  const events = await reader.events(roomId, ids)
  const byId = new Map(events.map((event) => [event.pdu.eventId, event]))
  return ids.map((id) => byId.get(id)).filter((event) => event !== undefined)
}
