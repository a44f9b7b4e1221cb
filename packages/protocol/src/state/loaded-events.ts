import type { Pdu } from '../events/pdu.ts'
import type { EventId } from '../ids/branded.ts'
import type { EventSource } from './event-source.ts'

/** Loads these events; those that are not here are left out. Called with each id once, in batches by distance. */
export type LoadEvents = (ids: readonly EventId[]) => Promise<ReadonlyMap<EventId, Pdu>>

/** Events loaded for one resolution. */
export class LoadedEvents implements EventSource {
  readonly #load: LoadEvents
  readonly #events = new Map<EventId, Pdu>()
  readonly #asked = new Set<EventId>()

  constructor(load: LoadEvents) {
    this.#load = load
  }

  event(id: EventId): Pdu | undefined {
    return this.#events.get(id)
  }

  /** Loads what of these was not asked for before, and answers it. */
  async add(ids: Iterable<EventId>): Promise<Pdu[]> {
    const missing = [...new Set(ids)].filter((id) => !this.#asked.has(id))
    if (missing.length === 0) return []
    for (const id of missing) this.#asked.add(id)
    const found = await this.#load(missing)
    const added = missing.flatMap((id) => found.get(id) ?? [])
    for (const event of added) this.#events.set(event.eventId, event)
    return added
  }

  async addWithChains(ids: Iterable<EventId>): Promise<void> {
    let added = await this.add(ids)
    while (added.length > 0) added = await this.add(added.flatMap((event) => event.authEvents))
  }
}
