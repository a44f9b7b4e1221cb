import type { EventId, RoomId, UserId } from '../ids/branded.ts'
import type { JsonObject } from '../json/value.ts'

/**
 * A persistent data unit as stored and forwarded: the very JSON received, with the fields below checked to be there and
 * of the right type by `parsePdu`. `unsigned` and `server_keys` are not part of it. Server-server API, "PDUs".
 */
export interface PduJson extends JsonObject {
  readonly type: string
  readonly sender: UserId
  /** Absent on a version 12 `m.room.create`. */
  readonly room_id?: RoomId
  readonly state_key?: string
  readonly content: JsonObject
  /** Versions 3 and up: event ids. Versions 1 and 2: `[event id, {sha256}]` pairs; read them through `Pdu.prevEvents`. */
  readonly prev_events: readonly (EventId | readonly [EventId, JsonObject])[]
  readonly auth_events: readonly (EventId | readonly [EventId, JsonObject])[]
  readonly depth: number
  /** Milliseconds since the Unix epoch, as its author claims. */
  readonly origin_server_ts: number
  readonly hashes: { readonly sha256: string }
  readonly signatures: { readonly [server: string]: { readonly [keyId: string]: string } }
}

/** A parsed PDU: the JSON with what every stage asks of it, computed once. Immutable. */
export interface Pdu {
  readonly eventId: EventId
  /** In version 12 the create event's own id with `!` for `$`. */
  readonly roomId: RoomId
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: UserId
  readonly content: JsonObject
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  readonly depth: number
  readonly originServerTs: number
  /** The event that an `m.room.redaction` names, wherever its room version puts it. */
  readonly redacts: EventId | undefined
  readonly json: PduJson
}
