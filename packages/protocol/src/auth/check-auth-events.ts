import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { stateSlot } from '../state/state-map.ts'
import { authTypesFor } from './select-auth-events.ts'
import { ALLOWED, type AuthVerdict, denied } from './verdict.ts'

/**
 * "Considering the event's `auth_events`" (rule 2 of versions 1 to 11, rule 3 of version 12). `authEvents` are the events that
 * `event.authEvents` names, in any order; `isRejected` tells of those that were rejected on receipt.
 */
export function checkAuthEventsList(
  event: Pdu,
  authEvents: readonly Pdu[],
  rules: RoomVersionRules,
  isRejected: (eventId: EventId) => boolean,
): AuthVerdict {
  // The create event begins everything; nothing authorises it, so there is nothing to wait for either.
  if (event.type === 'm.room.create' && event.authEvents.length > 0) {
    return denied('auth_event_unexpected', 'a create event has no auth events')
  }
  const byId = new Map(authEvents.map((auth) => [auth.eventId, auth]))
  const expected = new Set(authTypesFor(event, rules).map(({ type, stateKey }) => stateSlot(type, stateKey)))
  const seen = new Set<string>()
  let hasCreate = false
  for (const id of event.authEvents) {
    const auth = byId.get(id)
    if (auth === undefined) return denied('auth_event_missing', 'an auth event is not here')
    const slot = auth.stateKey === undefined ? undefined : stateSlot(auth.type, auth.stateKey)
    // 3.1
    if (slot !== undefined && seen.has(slot))
      return denied('auth_event_duplicate', 'two auth events for one state slot')
    // 3.2
    if (slot === undefined || !expected.has(slot))
      return denied('auth_event_unexpected', 'an auth event of the wrong kind')
    seen.add(slot)
    // 3.3
    if (isRejected(id)) return denied('auth_event_rejected', 'an auth event was itself rejected')
    // 3.5
    if (auth.roomId !== event.roomId) return denied('auth_event_other_room', 'an auth event of another room')
    hasCreate ||= auth.type === 'm.room.create'
  }
  // 2.4 of versions 1 to 11
  if (rules.auth.createInAuthEvents && event.type !== 'm.room.create' && !hasCreate) {
    return denied('auth_event_no_create', 'no create event among the auth events')
  }
  return ALLOWED
}
