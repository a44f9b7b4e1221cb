import {
  type AuthState,
  type AuthSubject,
  authStateOf,
  authTypesFor,
  createIdOfRoom,
  type EventId,
  type Pdu,
  type RoomVersionRules,
  type StateMap,
  stateSlot,
} from '@starling/protocol'
import type { StoredEvent } from '../store/event-store.ts'

/** Where events come from: a transaction, or the store. */
export interface EventSource {
  events(eventIds: Iterable<EventId>): Promise<Map<EventId, StoredEvent>>
}

/** The slots of `state` that the authorisation rules ask for when they judge `event`, with their events loaded. */
export async function authStateFrom(
  event: AuthSubject,
  state: Pick<StateMap, 'get'>,
  rules: RoomVersionRules,
  source: EventSource,
): Promise<AuthState> {
  // Version 12 does not select the create event, but its rules read it all the same.
  const slots = [{ type: 'm.room.create', stateKey: '' }, ...authTypesFor(event, rules)]
  const ids = slots.flatMap(({ type, stateKey }) => state.get(stateSlot(type, stateKey)) ?? [])
  const events = await source.events(ids)
  return authStateOf([...events.values()].map(({ pdu }) => pdu))
}

/** What an event's own `auth_events` amount to as a state; in version 12 with the create event that the room id names. */
export async function authStateOfEvent(
  event: Pdu,
  authEvents: readonly Pdu[],
  rules: RoomVersionRules,
  source: EventSource,
): Promise<AuthState> {
  if (rules.auth.createInAuthEvents) return authStateOf(authEvents)
  const createId = createIdOfRoom(event.roomId)
  const create = (await source.events([createId])).get(createId)
  return authStateOf(create && create.status !== 'rejected' ? [create.pdu, ...authEvents] : authEvents)
}
