import type { JsonObject, JsonValue } from '@starling/protocol'

/** What the naive checker reads of an event. A product `Pdu` fits it as it is; nothing here is branded or checked. */
export interface NaiveEvent {
  readonly eventId: string
  readonly roomId: string
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: JsonObject
  readonly prevEvents: readonly string[]
  readonly authEvents: readonly string[]
  readonly depth: number
  readonly originServerTs: number
  readonly redacts: string | undefined
  readonly json: JsonObject
}

/** Event id → event: everything that is known of the room. */
export type NaiveEvents = ReadonlyMap<string, NaiveEvent>

/** `stateKeyOf(type, state key)` → event. The spec's map from `(event_type, state_key)`. */
export type NaiveState = ReadonlyMap<string, NaiveEvent>

/** The 2-tuple of type and state key as one string, so that it can be the key of a map. */
export function tuple(type: string, stateKey: string): string {
  return JSON.stringify([type, stateKey])
}

export function tupleOf(event: NaiveEvent): string {
  if (event.stateKey === undefined) throw new RangeError(`${event.eventId} is not a state event`)
  return tuple(event.type, event.stateKey)
}

export function stateOf(events: Iterable<NaiveEvent>): NaiveState {
  return new Map([...events].map((event) => [tupleOf(event), event]))
}

export function eventFor(id: string, events: NaiveEvents): NaiveEvent {
  const event = events.get(id)
  if (!event) throw new RangeError(`the naive checker needs every event of the room, and ${id} is not there`)
  return event
}

/** A property that the object itself has: `constructor` and its like are not found in `{}`. */
export function property(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Appendices, "Common identifier format": what follows the first colon of an id. */
export function domainOf(id: string): string | undefined {
  const colon = id.indexOf(':')
  return colon === -1 ? undefined : id.slice(colon + 1)
}

/** Less, by Unicode code point: the order of UTF-8 bytes. */
export function idIsLess(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
}
