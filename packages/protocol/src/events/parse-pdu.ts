import { eventBytes } from '../crypto/event-bytes.ts'
import { eventIdFor, eventIdOfHash, hashForIdMatches } from '../crypto/event-hashes.ts'
import { encodeBase64 } from '../ids/base64.ts'
import type { EventId } from '../ids/branded.ts'
import { parseEventId, roomIdOfCreate } from '../ids/room-id.ts'
import { JsonError } from '../json/json-error.ts'
import { withoutKeys } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { Sha256 } from '../ports.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import type { Pdu, PduJson } from './pdu.ts'
import { formatFault, namedRoomId, type PduFault, referencedIds } from './pdu-format.ts'
import { MAX_PDU_BYTES } from './pdu-limits.ts'
import { redact } from './redact.ts'

export interface ParsedPdu {
  readonly ok: true
  readonly pdu: Pdu
  /** False: only the redacted form may be used (`redactPdu`). Server-server API, step 3 of "Checks performed on receipt of a PDU". */
  readonly hashMatches: boolean
  /** What the event's signatures cover; pass it on to `verifyEventSignature`. */
  readonly signedBytes: Uint8Array
}

export type PduResult = ParsedPdu | PduFault

/**
 * Step 1 of "Checks performed on receipt of a PDU" (server-server API): is this a valid event of that room version? `json` is what
 * `parseStrictJson` gave; `unsigned` and `server_keys` are dropped, nothing else is touched. The event id is computed, a
 * claimed one ignored; in versions 1 and 2 it has to be the computed one. Never throws on foreign data.
 */
export function parsePdu(json: unknown, rules: RoomVersionRules, sha256: Sha256): PduResult {
  if (!isJsonObject(json)) return { ok: false, code: 'not_an_object', reason: 'an event is an object' }
  const event = withoutKeys(json, 'unsigned', 'server_keys')
  const fault = formatFault(event, rules)
  if (fault) return fault
  try {
    return finish(event as PduJson, rules, sha256)
  } catch (error) {
    if (error instanceof JsonError) return { ok: false, code: 'not_canonical', reason: error.message }
    throw error
  }
}

/** The same event with only its redacted form left. Its id, room and place in the DAG stay: redaction keeps what they hash. */
export function redactPdu(pdu: Pdu, rules: RoomVersionRules): Pdu {
  const json = redact(pdu.json, rules) as PduJson
  return { ...pdu, content: json.content, redacts: redactsOf(json, rules), json }
}

function finish(event: PduJson, rules: RoomVersionRules, sha256: Sha256): PduResult {
  const { hashed, signed: signedBytes, size } = eventBytes(event, rules)
  if (size > MAX_PDU_BYTES) {
    return { ok: false, code: 'too_large', reason: `more than ${MAX_PDU_BYTES} bytes` }
  }
  const carriesId = rules.eventId === 'given'
  const eventId = carriesId ? eventIdFor(event, rules, sha256) : eventIdOfHash(sha256(signedBytes), rules)
  if (carriesId && event.event_id !== eventId) {
    return { ok: false, code: 'bad_event_id', reason: 'event_id is not the one that follows from the event' }
  }
  const prevEvents = referencedIds(event.prev_events, rules)
  if (prevEvents.includes(eventId))
    return { ok: false, code: 'bad_prev_events', reason: 'an event is no parent of itself' }
  const pdu: Pdu = {
    eventId,
    roomId: namedRoomId(event, rules) ?? roomIdOfCreate(eventId),
    type: event.type,
    stateKey: event.state_key,
    sender: event.sender,
    content: event.content,
    prevEvents,
    authEvents: referencedIds(event.auth_events, rules),
    depth: event.depth,
    originServerTs: event.origin_server_ts,
    redacts: redactsOf(event, rules),
    json: event,
  }
  const hashMatches =
    event.hashes.sha256 === encodeBase64(sha256(hashed)) && (!carriesId || hashForIdMatches(event, sha256))
  return { ok: true, pdu, hashMatches, signedBytes }
}

function redactsOf(event: JsonObject, rules: RoomVersionRules): EventId | undefined {
  if (event.type !== 'm.room.redaction') return undefined
  const named: JsonValue | undefined =
    rules.redacts === 'content' ? (event.content as JsonObject).redacts : event.redacts
  return parseEventId(named)
}
