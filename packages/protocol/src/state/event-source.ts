import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'

/**
 * Where state resolution reads events. Synchronous, over what was loaded before: see `loadForResolution`. What it does not
 * have counts as absent; nodes agree only if they have the same, so load whole auth chains.
 */
export interface EventSource {
  event(id: EventId): Pdu | undefined
  /**
   * The `auth_events` of an event, if they can be had more cheaply than the event: most of an auth chain is only walked. By default
   * read off the event.
   */
  authEventsOf?(id: EventId): readonly EventId[] | undefined
}

export function authEventsIn(source: EventSource, id: EventId): readonly EventId[] {
  return (source.authEventsOf ? source.authEventsOf(id) : source.event(id)?.authEvents) ?? []
}
