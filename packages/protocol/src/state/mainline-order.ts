import { byAge } from '../dag/topological-order.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { ContendedEvents } from './contended-events.ts'
import type { EventSource } from './event-source.ts'
import { authEventOf } from './power-order.ts'

/**
 * Room versions, "Mainline ordering" of these events (numbers), earliest first. `powerLevels` is P₀; without one all positions are
 * infinite. Each power levels event is looked at once, however many events stand on it.
 */
export function mainlineOrder(
  numbers: readonly number[],
  contended: ContendedEvents,
  powerLevels: Pdu | undefined,
  source: EventSource,
): number[] {
  const { events, graph } = contended
  const positions = new Float64Array(events.length).fill(Number.NaN)
  // The mainline may leave what is contended, and come back.
  for (const [id, position] of mainlinePositions(powerLevels, source)) {
    const number = graph.numberOf(id)
    if (number !== undefined) positions[number] = position
  }
  const ranked = numbers.map((number) => ({
    number,
    event: events[number] as Pdu,
    position: positionOf(number, positions, contended),
  }))
  ranked.sort((a, b) => comparePositions(b.position, a.position) || byAge(a.event, b.event))
  return ranked.map(({ number }) => number)
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
function positionOf(start: number, positions: Float64Array, contended: ContendedEvents): number {
  const passed: number[] = []
  let position = Number.POSITIVE_INFINITY
  for (let next = contended.powerLevels(start); next !== undefined; next = contended.powerLevels(next)) {
    const known = positions[next] ?? Number.NaN
    if (!Number.isNaN(known)) {
      position = known
      break
    }
    passed.push(next)
  }
  for (const number of passed) positions[number] = position
  return position
}

/** Not a subtraction: ∞ − ∞ is no order. */
function comparePositions(a: number, b: number): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
