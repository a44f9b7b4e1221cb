import { type EventId, type Pdu, type StateSlot, stateSlot } from '@starling/protocol'
import type { EventMatcher } from '../filters/event-matcher.ts'
import type { RoomEvent, RoomReader } from '../ports.ts'
import { relationOf } from '../rooms/client-event.ts'
import type { RoomView } from '../rooms/room-view.ts'

/** A timeline of /sync: chronological, of the newest events in its window that the filter and the room's history allow. */
export interface RoomTimeline {
  readonly events: readonly RoomEvent[]
  /** Events of the window were left out before the first one here. */
  readonly limited: boolean
  /** The place just before the first event: `prev_batch`. */
  readonly start: number
  /** The window holds the room's beginning. */
  readonly complete: boolean
  /**
   * Events that others of the window relate to. Children come after their parents and the window reaches to its end, so only
   * these can have aggregations; a child that arrived before its parent is left to the client, which has it.
   */
  readonly parents: ReadonlySet<EventId>
}

export interface TimelineWindow {
  /** Exclusive. 0 for everything that happened while this server was in the room; backfilled history lies below. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

/** Events looked at for one timeline at most, however few of them the filter lets through. */
const MAX_SCANNED = 1_000
const MIN_PAGE = 10

export async function readTimeline(
  reader: RoomReader,
  view: RoomView,
  filter: EventMatcher,
  window: TimelineWindow,
): Promise<RoomTimeline> {
  const newestFirst: RoomEvent[] = []
  const parents = new Set<EventId>()
  let from = window.upTo
  let scanned = 0
  let complete = false
  let limited = false
  while (!limited && from > window.after) {
    const limit = Math.max(MIN_PAGE, window.limit + 1 - newestFirst.length)
    const walk = { direction: 'b', from, to: window.after, limit } as const
    const slice = await reader.timeline(view.roomId, walk)
    const shown = await view.shown(slice.events.filter((event) => matches(filter, event)))
    for (const { pdu } of slice.events) addParent(parents, pdu)
    const room = window.limit - newestFirst.length
    newestFirst.push(...shown.slice(0, room))
    limited = shown.length > room
    complete ||= !limited && slice.events.some((event) => event.pdu.type === 'm.room.create')
    scanned += slice.events.length
    from = slice.next ?? window.after
    limited ||= scanned >= MAX_SCANNED && from > window.after
  }
  const events = newestFirst.reverse()
  return { events, limited, complete, parents, start: startOf(events, limited, from, window) }
}

/**
 * A timeline read from 0 as one of a room that is new to the client: what lies before the first event that this server has is
 * history as well, unless that is the room's very beginning.
 */
export function ofNewRoom(timeline: RoomTimeline): RoomTimeline {
  if (timeline.limited || timeline.complete) return timeline
  const first = timeline.events[0]?.order
  return { ...timeline, limited: true, start: first === undefined ? timeline.start : first - 1 }
}

/** With everything of the window given, its lower end; else just before the first event, or where looking stopped. */
function startOf(events: readonly RoomEvent[], limited: boolean, from: number, window: TimelineWindow): number {
  if (!limited) return window.after
  const first = events[0]?.order
  return first === undefined ? (window.limit === 0 ? window.upTo : from) : first - 1
}

function addParent(parents: Set<EventId>, pdu: Pdu): void {
  const relation = relationOf(pdu)
  if (relation) parents.add(relation.eventId)
}

function matches(filter: EventMatcher, event: RoomEvent): boolean {
  const { type, sender, content } = event.pdu
  return filter.matches({ type, sender, content })
}

/** The first event of each state slot in a timeline. */
export function firstBySlot(events: readonly RoomEvent[]): ReadonlyMap<StateSlot, RoomEvent> {
  const first = new Map<StateSlot, RoomEvent>()
  for (const event of events) {
    const { type, stateKey } = event.pdu
    if (stateKey === undefined) continue
    const slot = stateSlot(type, stateKey)
    if (!first.has(slot)) first.set(slot, event)
  }
  return first
}
