import type { AuthState } from '../auth/auth-state.ts'
import { checkAuth } from '../auth/check-auth.ts'
import type { AuthOptions } from '../auth/rule-input.ts'
import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import { createIdOfRoom } from '../ids/room-id.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { EventSource } from './event-source.ts'
import { type StateSlot, stateSlot } from './state-map.ts'

export interface ResolveOptions extends AuthOptions {
  /** Was the event rejected on receipt? Such auth events authorise nothing. Default: none was. */
  readonly isRejected?: (id: EventId) => boolean
}

/**
 * Room versions, "Iterative auth checks": enters into `state`, which it changes, each of these state events that the rules allow on
 * top of what came before.
 */
export function iterativeAuthChecks(
  events: Iterable<Pdu>,
  state: Map<StateSlot, EventId>,
  source: EventSource,
  rules: RoomVersionRules,
  options: ResolveOptions,
): void {
  for (const event of events) {
    if (event.stateKey === undefined) continue
    const verdict = checkAuth(event, stateFor(event, state, source, rules, options), rules, options)
    if (verdict.allowed) state.set(stateSlot(event.type, event.stateKey), event.eventId)
  }
}

/** What is in `state`, else what the event's own auth events say, unless they were rejected. */
function stateFor(
  event: Pdu,
  state: ReadonlyMap<StateSlot, EventId>,
  source: EventSource,
  rules: RoomVersionRules,
  options: ResolveOptions,
): AuthState {
  const ofAuthEvents = (type: string, stateKey: string): Pdu | undefined => {
    for (const id of event.authEvents) {
      const auth = source.event(id)
      if (auth?.type === type && auth.stateKey === stateKey && !options.isRejected?.(id)) return auth
    }
    // Version 12: the room id stands for the create event among the auth events.
    const isImplied = type === 'm.room.create' && stateKey === '' && !rules.auth.createInAuthEvents
    return isImplied ? source.event(createIdOfRoom(event.roomId)) : undefined
  }
  return (type, stateKey) => {
    const id = state.get(stateSlot(type, stateKey))
    return (id === undefined ? undefined : source.event(id)) ?? ofAuthEvents(type, stateKey)
  }
}
