import type { Pdu } from '../events/pdu.ts'
import { stateSlot } from '../state/state-map.ts'

/** Room state as the authorisation rules read it: the event that holds a slot. */
export type AuthState = (type: string, stateKey: string) => Pdu | undefined

/**
 * State made of these events, a later one replacing an earlier in the same slot. For the check by auth events: the auth
 * events, and in version 12 also the create event that the room id names.
 */
export function authStateOf(events: Iterable<Pdu>): AuthState {
  const bySlot = new Map<string, Pdu>()
  for (const event of events) {
    if (event.stateKey !== undefined) bySlot.set(stateSlot(event.type, event.stateKey), event)
  }
  return (type, stateKey) => bySlot.get(stateSlot(type, stateKey))
}
