import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'

/**
 * Where state resolution reads events. Synchronous, over what was loaded before: see `resolveDifferingStates`. What it does not
 * have counts as absent; nodes agree only if they have the same, so load whole auth chains.
 */
export interface EventSource {
  event(id: EventId): Pdu | undefined
}
