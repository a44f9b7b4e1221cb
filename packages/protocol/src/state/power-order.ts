import { powerLevelsOf } from '../auth/power-levels.ts'
import { PriorityQueue } from '../dag/priority-queue.ts'
import { byAge } from '../dag/topological-order.ts'
import type { Pdu } from '../events/pdu.ts'
import { ownValue } from '../json/own-value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { ContendedEvents } from './contended-events.ts'
import type { EventSource } from './event-source.ts'

/** Room versions, "Power events": state events that might take away somebody's ability to do something. */
export function isPowerEvent(event: Pdu): boolean {
  if (event.stateKey === undefined) return false
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return true
  if (event.type !== 'm.room.member' || event.sender === event.stateKey) return false
  const membership = ownValue(event.content, 'membership')
  return membership === 'leave' || membership === 'ban'
}

/**
 * Step 1 of the algorithm: the power events of the full conflicted set, with what of their auth chains belongs to it too. One
 * flag per number.
 */
export function powerEventsWithAuth(contended: ContendedEvents): Uint8Array {
  const { events, isFull } = contended
  const chosen = new Uint8Array(events.length)
  const underPower = new Uint8Array(events.length)
  for (let number = events.length - 1; number >= 0; number--) {
    if (isFull[number] === 1 && (underPower[number] === 1 || isPowerEvent(events[number] as Pdu))) {
      underPower[number] = 1
      chosen[number] = 1
    }
    if (underPower[number] === 1) for (const auth of contended.authOf(number)) underPower[auth] = 1
  }
  return chosen
}

/** Room versions, "Reverse topological power ordering" of the chosen events, earliest first. O((n + edges) log n). */
export function reverseTopologicalPowerOrder(
  chosen: Uint8Array,
  contended: ContendedEvents,
  source: EventSource,
  rules: RoomVersionRules,
): number[] {
  const { events } = contended
  const powers = senderPowers(chosen, contended, source, rules)
  const isBefore = (a: number, b: number): number =>
    comparePowers(powers[b] ?? 0, powers[a] ?? 0) || byAge(events[a] as Pdu, events[b] as Pdu)
  // Kahn's algorithm. An auth event that is named twice counts twice on both sides.
  const waitingFor = new Uint32Array(events.length)
  const children: (number[] | undefined)[] = []
  const ready = new PriorityQueue<number>(isBefore)
  chosen.forEach((is, number) => {
    if (is === 0) return
    for (const auth of contended.authOf(number)) {
      if (chosen[auth] !== 1) continue
      const siblings = children[auth]
      if (siblings) siblings.push(number)
      else children[auth] = [number]
      waitingFor[number] = (waitingFor[number] ?? 0) + 1
    }
    if (waitingFor[number] === 0) ready.push(number)
  })
  const order: number[] = []
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    order.push(next)
    for (const child of children[next] ?? []) {
      const left = (waitingFor[child] ?? 0) - 1
      waitingFor[child] = left
      if (left === 0) ready.push(child)
    }
  }
  return order
}

/** Power levels of the senders by the events' own auth events, by number. */
function senderPowers(
  chosen: Uint8Array,
  contended: ContendedEvents,
  source: EventSource,
  rules: RoomVersionRules,
): Float64Array {
  const { events } = contended
  const powers = new Float64Array(events.length)
  chosen.forEach((is, number) => {
    const event = events[number]
    if (is === 0 || event === undefined) return
    const levels = contended.powerLevels(number)
    const create = createOf(event, number, contended, source, rules)
    powers[number] = powerLevelsOf(levels === undefined ? undefined : events[levels], create, rules).user(event.sender)
  })
  return powers
}

/** The create event, by the auth events or, from version 12 on, by the room id. */
function createOf(
  event: Pdu,
  number: number,
  contended: ContendedEvents,
  source: EventSource,
  rules: RoomVersionRules,
): Pdu | undefined {
  if (!rules.auth.createInAuthEvents) return contended.createOf(event.roomId, source)
  const create = contended.authEvent(number, 'm.room.create', '')
  return create === undefined ? undefined : contended.events[create]
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
