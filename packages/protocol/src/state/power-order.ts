import { powerLevelsOf } from '../auth/power-levels.ts'
import { byAge, kahnOrder } from '../dag/topological-order.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { createIdOfRoom } from '../ids/room-id.ts'
import { ownValue } from '../json/own-value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { AuthGraph } from './auth-graph.ts'
import type { EventSource } from './event-source.ts'

/** Room versions, "Power events": state events that might take away somebody's ability to do something. */
export function isPowerEvent(event: Pdu): boolean {
  if (event.stateKey === undefined) return false
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return true
  if (event.type !== 'm.room.member' || event.sender === event.stateKey) return false
  const membership = ownValue(event.content, 'membership')
  return membership === 'leave' || membership === 'ban'
}

/** Step 1 of the algorithm: the power events of the full conflicted set, with what of their auth chains belongs to it too. */
export function powerEventsWithAuth(
  full: ReadonlySet<EventId>,
  graph: AuthGraph,
  source: EventSource,
): Map<EventId, Pdu> {
  const chosen = new Map<EventId, Pdu>()
  const underPower = new Uint8Array(graph.ids.length)
  for (let number = graph.ids.length - 1; number >= 0; number--) {
    const id = graph.ids[number] as EventId
    const event = full.has(id) ? source.event(id) : undefined
    if (event && (underPower[number] === 1 || isPowerEvent(event))) {
      underPower[number] = 1
      chosen.set(id, event)
    }
    if (underPower[number] === 1) for (const auth of graph.authOf[number] ?? []) underPower[auth] = 1
  }
  return chosen
}

/** Room versions, "Reverse topological power ordering", earliest first. */
export function reverseTopologicalPowerOrder(
  events: ReadonlyMap<EventId, Pdu>,
  source: EventSource,
  rules: RoomVersionRules,
): Pdu[] {
  const powers = new Map<EventId, number>()
  for (const event of events.values()) powers.set(event.eventId, senderPower(event, source, rules))
  const powerOf = (event: Pdu): number => powers.get(event.eventId) ?? 0
  return kahnOrder(
    events,
    (event) => event.authEvents,
    (a, b) => comparePowers(powerOf(b), powerOf(a)) || byAge(a, b),
  )
}

/** The sender's power level by the event's own auth events. */
function senderPower(event: Pdu, source: EventSource, rules: RoomVersionRules): number {
  const levels = authEventOf(event, 'm.room.power_levels', source)
  const create = rules.auth.createInAuthEvents
    ? authEventOf(event, 'm.room.create', source)
    : source.event(createIdOfRoom(event.roomId))
  return powerLevelsOf(levels, create, rules).user(event.sender)
}

/** The auth event of that type with an empty state key. */
export function authEventOf(event: Pdu, type: string, source: EventSource): Pdu | undefined {
  for (const id of event.authEvents) {
    const auth = source.event(id)
    if (auth?.type === type && auth.stateKey === '') return auth
  }
  return undefined
}

/** Not a subtraction: two creators of version 12 are both infinite. */
function comparePowers(a: number, b: number): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
