import {
  type BatchOperation,
  type EventId,
  type JsonObject,
  type Pdu,
  type PduJson,
  parseEventId,
  type RoomId,
  type RoomVersionRules,
  roomVersionRules,
} from '@starling/protocol'
import type { Database } from './database.ts'
import { LruMap } from './lru-map.ts'
import type { RowSource } from './table.ts'
import { type EventRow, tables } from './tables.ts'

/** An event with what became of it. Immutable: a change is a new one. */
export interface StoredEvent extends Omit<EventRow, 'pdu'> {
  readonly pdu: Pdu
}

/** Characters of event JSON kept parsed in memory; the least recently used go first. A PDU is at most 64 KiB. */
const CACHED_CHARACTERS = 8 * 1024 * 1024
/** Beside the JSON itself. */
const OVERHEAD = 500

/** Events by id, with a cache. Writing goes through a transaction, which calls `remember` once its batch is submitted. */
export class EventStore {
  readonly #database: Database
  readonly #cache = new LruMap<EventId, StoredEvent>(CACHED_CHARACTERS)
  /** Loads under way. A write in between takes its id out, so that no load puts an older row into the cache. */
  readonly #loading = new Map<EventId, object>()

  constructor(database: Database) {
    this.#database = database
    database.onFailure(() => this.#clear())
  }

  async get(eventId: EventId): Promise<StoredEvent | undefined> {
    return this.#cache.get(eventId) ?? (await this.getMany([eventId])).get(eventId)
  }

  /** The cached event, without going to the disk. */
  cached(eventId: EventId): StoredEvent | undefined {
    return this.#cache.get(eventId)
  }

  /** Those that are there, whatever their status. */
  async getMany(eventIds: Iterable<EventId>): Promise<Map<EventId, StoredEvent>> {
    const found = new Map<EventId, StoredEvent>()
    const missing: EventId[] = []
    for (const eventId of new Set(eventIds)) {
      const cached = this.#cache.get(eventId)
      if (cached) found.set(eventId, cached)
      else missing.push(eventId)
    }
    if (missing.length > 0) await this.#load(missing, found)
    return found
  }

  remember(event: StoredEvent): void {
    this.#loading.delete(event.pdu.eventId)
    this.#cache.set(event.pdu.eventId, event, weightOf(event))
  }

  forget(eventId: EventId): void {
    this.#loading.delete(eventId)
    this.#cache.delete(eventId)
  }

  async #load(missing: readonly EventId[], found: Map<EventId, StoredEvent>): Promise<void> {
    const load = {}
    for (const eventId of missing) this.#loading.set(eventId, load)
    const rows = await tables.event.getMany(
      this.#database,
      missing.map((eventId) => [eventId] as [EventId]),
    )
    for (const [index, eventId] of missing.entries()) {
      const row = rows[index]
      const event = row && eventOfRow(eventId, row)
      if (event) found.set(eventId, event)
      if (this.#loading.get(eventId) !== load) continue
      this.#loading.delete(eventId)
      if (event) this.#cache.set(eventId, event, weightOf(event))
    }
  }

  #clear(): void {
    this.#cache.clear()
    this.#loading.clear()
  }
}

/** Reads an event from a given view of the rows, past the cache. */
export async function readEvent(source: RowSource, eventId: EventId): Promise<StoredEvent | undefined> {
  const row = await tables.event.get(source, eventId)
  return row && eventOfRow(eventId, row)
}

export function eventRows(event: StoredEvent): BatchOperation[] {
  const { pdu, ...rest } = event
  return [
    tables.event.put([pdu.eventId], { ...rest, pdu: pdu.json }),
    tables.roomEvent.put([event.room, pdu.eventId], 0),
  ]
}

/** Parses what was checked when it was stored: nothing is hashed or verified again. */
function eventOfRow(eventId: EventId, row: EventRow): StoredEvent {
  const { pdu: json, ...rest } = row
  const rules = roomVersionRules(row.version)
  if (!rules) throw new Error(`a stored event has the unknown room version ${row.version}`)
  return { ...rest, pdu: pduOfStored(eventId, row.roomId, json, rules) }
}

function pduOfStored(eventId: EventId, roomId: RoomId, json: PduJson, rules: RoomVersionRules): Pdu {
  return {
    eventId,
    roomId,
    type: json.type,
    stateKey: json.state_key,
    sender: json.sender,
    content: json.content,
    prevEvents: referencedIds(json.prev_events),
    authEvents: referencedIds(json.auth_events),
    depth: json.depth,
    originServerTs: json.origin_server_ts,
    redacts: redactsOf(json, rules),
    json,
  }
}

function referencedIds(references: readonly (EventId | readonly [EventId, JsonObject])[]): readonly EventId[] {
  return references.map((reference) => (typeof reference === 'string' ? reference : reference[0]))
}

function redactsOf(json: PduJson, rules: RoomVersionRules): EventId | undefined {
  if (json.type !== 'm.room.redaction') return undefined
  return parseEventId(rules.redacts === 'content' ? json.content.redacts : json.redacts)
}

/** Most events are around a kilobyte; measuring the few large fields would cost more than it tells. */
function weightOf(event: StoredEvent): number {
  let weight = OVERHEAD
  for (const [key, value] of Object.entries(event.pdu.content)) {
    weight += key.length + (typeof value === 'string' ? value.length : typeof value === 'object' ? 256 : 8)
  }
  return weight + (event.pdu.prevEvents.length + event.pdu.authEvents.length) * 60
}
