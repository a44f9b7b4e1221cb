import {
  checkAuth,
  checkAuthEventsList,
  type Ed25519,
  type EventId,
  type Pdu,
  type RoomVersionRules,
} from '@starling/protocol'
import { authStateOfEvent, type EventSource } from './auth-state.ts'

export type AuthEventsResult =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'rejected'; readonly reason: string }
  | { readonly kind: 'missing'; readonly eventIds: readonly EventId[] }

/** Step 4: authorisation by the event's own auth events, and of the list of them. Fails: rejected for good. */
export async function checkByAuthEvents(
  pdu: Pdu,
  rules: RoomVersionRules,
  source: EventSource,
  ed25519: Ed25519,
): Promise<AuthEventsResult> {
  const found = await source.events(pdu.authEvents)
  const missing = pdu.authEvents.filter((eventId) => !found.has(eventId))
  if (missing.length > 0) return { kind: 'missing', eventIds: missing }
  const authEvents = [...found.values()].map((event) => event.pdu)
  const list = checkAuthEventsList(pdu, authEvents, rules, (eventId) => found.get(eventId)?.status === 'rejected')
  if (!list.allowed) return { kind: 'rejected', reason: list.code }
  const state = await authStateOfEvent(pdu, authEvents, rules, source)
  const verdict = checkAuth(pdu, state, rules, { ed25519 })
  return verdict.allowed ? { kind: 'allowed' } : { kind: 'rejected', reason: verdict.code }
}
