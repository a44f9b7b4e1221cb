import type { EventId, JsonObject, Pdu, RoomId, StateMap } from '@starling/protocol'
import { stateSlot } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'

/** One event of the current state. */
export async function currentStateEvent(
  engine: RoomEngine,
  roomId: RoomId,
  type: string,
  stateKey = '',
): Promise<Pdu | undefined> {
  const state = await engine.currentState(roomId)
  return eventIn(engine, state, type, stateKey)
}

/** The event in that slot of a state. */
export async function eventIn(
  engine: RoomEngine,
  state: StateMap,
  type: string,
  stateKey = '',
): Promise<Pdu | undefined> {
  const eventId = state.get(stateSlot(type, stateKey))
  return eventId && (await storedEvent(engine, eventId))
}

export async function storedEvent(engine: Pick<RoomEngine, 'events'>, eventId: EventId): Promise<Pdu | undefined> {
  return (await engine.events([eventId])).get(eventId)?.pdu
}

/** A member's `membership` by a state; undefined where there is none. */
export async function membershipIn(engine: RoomEngine, state: StateMap, userId: string): Promise<string | undefined> {
  return membershipOf((await eventIn(engine, state, 'm.room.member', userId))?.content)
}

export function membershipOf(content: JsonObject | undefined): string | undefined {
  return typeof content?.membership === 'string' ? content.membership : undefined
}
