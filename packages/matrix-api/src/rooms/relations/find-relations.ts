import type { EventId } from '@starling/protocol'
import type { RoomEvent, RoomReader } from '../../ports.ts'
import { relationOf } from '../client-event.ts'
import { mapConcurrent } from '../map-concurrent.ts'
import type { RoomView } from '../room-view.ts'

/** Levels of relations followed with `recurse` (the spec asks for at least three). */
export const MAX_DEPTH = 3

/** Children found at most, over all levels; the newest of the nearest levels are kept. */
const MAX_FOUND = 2_000
const PAGE = 250
const CONCURRENCY = 8

/** Visible, unredacted events that relate to `parent` over at most `depth` steps, newest first. */
export async function findRelations(
  reader: RoomReader,
  view: RoomView,
  parent: EventId,
  depth: number,
): Promise<RoomEvent[]> {
  const found = new Map<EventId, RoomEvent>()
  let level: EventId[] = [parent]
  for (let step = 0; step < depth && level.length > 0 && found.size < MAX_FOUND; step++) {
    const children = await mapConcurrent(level, CONCURRENCY, (eventId) => childrenOf(reader, view, eventId))
    const fresh = children.flat().filter((event) => event.pdu.eventId !== parent && !found.has(event.pdu.eventId))
    for (const event of fresh) {
      if (found.size < MAX_FOUND) found.set(event.pdu.eventId, event)
    }
    level = fresh.map((event) => event.pdu.eventId)
  }
  return [...found.values()].sort((a, b) => (b.order ?? 0) - (a.order ?? 0))
}

async function childrenOf(reader: RoomReader, view: RoomView, parent: EventId): Promise<RoomEvent[]> {
  const children: RoomEvent[] = []
  let from: number | undefined
  do {
    const filter = { limit: PAGE, ...(from === undefined ? {} : { from }) }
    const slice = await reader.relations(view.roomId, parent, filter)
    const related = slice.events.filter((event) => !event.redactedBecause && relationOf(event.pdu)?.eventId === parent)
    children.push(...(await view.shown(related)))
    from = slice.next
  } while (from !== undefined && children.length < MAX_FOUND)
  return children
}
