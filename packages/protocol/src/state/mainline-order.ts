import { byAge } from '../dag/topological-order.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { EventSource } from './event-source.ts'
import { authEventOf } from './power-order.ts'

/**
 * Room versions, "Mainline ordering", earliest first. `powerLevels` is P₀; without one all positions are infinite. Each
 * power levels event is looked at once, however many events stand on it.
 */
export function mainlineOrder(events: readonly Pdu[], powerLevels: Pdu | undefined, source: EventSource): Pdu[] {
  const positions = mainlinePositions(powerLevels, source)
  const ranked = events.map((event) => ({ event, position: positionOf(event, positions, source) }))
  ranked.sort((a, b) => comparePositions(b.position, a.position) || byAge(a.event, b.event))
  return ranked.map(({ event }) => event)
}

function mainlinePositions(powerLevels: Pdu | undefined, source: EventSource): Map<EventId, number> {
  const positions = new Map<EventId, number>()
  for (let event = powerLevels; event && !positions.has(event.eventId); ) {
    positions.set(event.eventId, positions.size)
    event = authEventOf(event, 'm.room.power_levels', source)
  }
  return positions
}

/** The mainline position of an event; remembers it for every power levels event on the way. */
function positionOf(event: Pdu, positions: Map<EventId, number>, source: EventSource): number {
  const passed = new Set<EventId>()
  let position = Number.POSITIVE_INFINITY
  for (let next = authEventOf(event, 'm.room.power_levels', source); next && !passed.has(next.eventId); ) {
    const known = positions.get(next.eventId)
    if (known !== undefined) {
      position = known
      break
    }
    passed.add(next.eventId)
    next = authEventOf(next, 'm.room.power_levels', source)
  }
  for (const id of passed) positions.set(id, position)
  return position
}

/** Not a subtraction: ∞ − ∞ is no order. */
function comparePositions(a: number, b: number): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
