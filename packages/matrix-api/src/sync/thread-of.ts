import type { EventId, RoomId } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../ports.ts'
import { relationOf } from '../rooms/client-event.ts'
import type { ThreadId } from './ports.ts'

/** Indirect relations are followed this far (the spec's recommendation). */
const MAX_HOPS = 3

/**
 * The thread that an event is in (Client-Server API, "Threaded read receipts"): by its own `m.thread` relation, or by
 * that of what it relates to, over at most three hops. Thread roots and everything else are in `main`.
 */
export async function threadOf(reader: RoomReader, roomId: RoomId, event: RoomEvent): Promise<ThreadId> {
  let current: RoomEvent | undefined = event
  for (let hop = 0; current && hop <= MAX_HOPS; hop++) {
    const relation: { relType: string; eventId: EventId } | undefined = relationOf(current.pdu)
    if (!relation) return 'main'
    if (relation.relType === 'm.thread') return relation.eventId
    if (hop === MAX_HOPS) break
    current = await reader.event(roomId, relation.eventId)
  }
  return 'main'
}
