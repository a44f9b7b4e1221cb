import { ancestralOrder, type EventId, type Pdu, type StateMap, stateSlot } from '@starling/protocol'
import { type NaiveEvent, type NaiveState, naiveResolve, tuple } from '../naive/index.ts'
import { NaiveRoom } from '../naive/room-state.ts'
import type { ReferenceRoom } from './reference-room.ts'

/** A tenth of all schedules, by their seeds. */
export function isCheckedNaively(scheduleSeed: bigint): boolean {
  return scheduleSeed % 10n === 0n
}

/** As `referenceRoom`, by the naive resolver and auth checker alone: no rule and no resolution of the product is asked. */
export function naiveReference(events: Iterable<Pdu>, roomVersion: string): ReferenceRoom {
  const byId = new Map<EventId, Pdu>()
  for (const event of events) byId.set(event.eventId, event)
  const room = new NaiveRoom(roomVersion)
  const maps = new Map<EventId, StateMap>()
  const rejected = new Set<EventId>()
  for (const event of ancestralOrder(byId.values())) {
    const isFirst = event.prevEvents.length === 0 && event.type === 'm.room.create'
    const isKnown = [...event.prevEvents, ...event.authEvents].every((id) => maps.has(id))
    if (!isKnown || (event.prevEvents.length === 0 && !isFirst)) continue
    const outcome = room.add(event)
    if (outcome.rejected) rejected.add(event.eventId)
    maps.set(event.eventId, mapOf(outcome.stateAfter))
  }
  const stateOf = (map: StateMap): NaiveState => {
    const entries = [...map.values()].flatMap((id): [string, NaiveEvent][] => {
      const event = byId.get(id)
      return event?.stateKey === undefined ? [] : [[tuple(event.type, event.stateKey), event]]
    })
    return new Map(entries)
  }
  return {
    rejected,
    stateAfter: (id) => maps.get(id),
    resolve: (states) => mapOf(naiveResolve(states.map(stateOf), room.events, roomVersion, room.rejected)),
  }
}

function mapOf(state: NaiveState): StateMap {
  return new Map(
    [...state.values()].map((event) => [stateSlot(event.type, event.stateKey ?? ''), event.eventId as EventId]),
  )
}
