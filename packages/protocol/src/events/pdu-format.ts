import type { EventId, RoomId } from '../ids/branded.ts'
import { fitsBytes } from '../ids/byte-length.ts'
import { parseEventId, parseRoomId } from '../ids/room-id.ts'
import { parseUserId } from '../ids/user-id.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { MAX_AUTH_EVENTS, MAX_DEPTH, MAX_KEY_BYTES, MAX_PREV_EVENTS } from './pdu-limits.ts'

/** Stable codes of a PDU that is not valid; they label metrics. */
export type PduFaultCode =
  | 'not_an_object'
  | 'not_canonical'
  | 'too_large'
  | 'bad_type'
  | 'bad_sender'
  | 'bad_room_id'
  | 'bad_state_key'
  | 'bad_content'
  | 'bad_depth'
  | 'bad_timestamp'
  | 'bad_prev_events'
  | 'bad_auth_events'
  | 'bad_hashes'
  | 'bad_signatures'
  | 'bad_event_id'
  | 'bad_redacts'

export interface PduFault {
  readonly ok: false
  readonly code: PduFaultCode
  /** For the log; may quote nothing of the event's content. */
  readonly reason: string
}

type Check = (event: JsonObject, rules: RoomVersionRules) => string | undefined

/** Each required field with its check, in the order of the PDU schema. A check answers what is wrong. */
const CHECKS: readonly (readonly [code: PduFaultCode, check: Check])[] = [
  ['bad_sender', ({ sender }, rules) => (parseUserId(sender, rules.userIds) ? undefined : 'sender is no user id')],
  [
    'bad_timestamp',
    ({ origin_server_ts: ts }) => (Number.isSafeInteger(ts) ? undefined : 'origin_server_ts is no integer'),
  ],
  ['bad_type', ({ type }) => (isShortText(type) ? undefined : `type is no string of at most ${MAX_KEY_BYTES} bytes`)],
  [
    'bad_state_key',
    ({ state_key: key }) =>
      key === undefined || isShortText(key) ? undefined : `state_key is no string of at most ${MAX_KEY_BYTES} bytes`,
  ],
  ['bad_content', ({ content }) => (isJsonObject(content) ? undefined : 'content is no object')],
  ['bad_depth', ({ depth }) => (isDepth(depth) ? undefined : `depth is no integer from 0 to ${MAX_DEPTH}`)],
  ['bad_room_id', checkRoomId],
  ['bad_prev_events', ({ prev_events: ids }, rules) => checkReferences(ids, MAX_PREV_EVENTS, rules)],
  ['bad_auth_events', ({ auth_events: ids }, rules) => checkReferences(ids, MAX_AUTH_EVENTS, rules)],
  [
    'bad_hashes',
    ({ hashes }) =>
      isJsonObject(hashes) && typeof ownValue(hashes, 'sha256') === 'string' ? undefined : 'no hashes.sha256',
  ],
  [
    'bad_signatures',
    ({ signatures }) => (isSignatures(signatures) ? undefined : 'signatures is no object of objects of strings'),
  ],
  [
    'bad_event_id',
    ({ event_id: id }, rules) =>
      rules.eventId !== 'given' || parseEventId(id, 'domain') ? undefined : 'event_id is no event id',
  ],
]

/** The fields' presence, types and bounds by the event format of that room version. `undefined` where all is well. */
export function formatFault(event: JsonObject, rules: RoomVersionRules): PduFault | undefined {
  for (const [code, check] of CHECKS) {
    const reason = check(event, rules)
    if (reason !== undefined) return { ok: false, code, reason }
  }
  return undefined
}

/** Ids in `prev_events` or `auth_events` of a checked event, whichever form the room version writes them in. */
export function referencedIds(references: JsonValue | undefined, rules: RoomVersionRules): EventId[] {
  const list = Array.isArray(references) ? (references as readonly JsonValue[]) : []
  if (rules.eventReferences === 'ids') return list as EventId[]
  return list.map((pair) => (pair as readonly JsonValue[])[0] as EventId)
}

/** True for the one kind of event that carries no `room_id`. */
export function isCreateWithoutRoomId(event: JsonObject, rules: RoomVersionRules): boolean {
  return rules.roomId === 'hash' && event.type === 'm.room.create' && event.state_key === ''
}

/** The room id that the event names; `undefined` on a version 12 create event. */
export function namedRoomId(event: JsonObject, rules: RoomVersionRules): RoomId | undefined {
  return isCreateWithoutRoomId(event, rules) ? undefined : (event.room_id as RoomId)
}

function checkRoomId(event: JsonObject, rules: RoomVersionRules): string | undefined {
  // One that has a room_id all the same is well-formed; authorisation rule 1.2 rejects it.
  if (isCreateWithoutRoomId(event, rules)) return undefined
  return parseRoomId(event.room_id, rules.roomId) ? undefined : 'room_id is no room id of this room version'
}

function checkReferences(references: JsonValue | undefined, max: number, rules: RoomVersionRules): string | undefined {
  if (!Array.isArray(references)) return 'no list'
  const list = references as readonly JsonValue[]
  if (list.length > max) return `${list.length} entries, at most ${max}`
  const isReference = rules.eventReferences === 'ids' ? isHashId : isPair
  return list.every(isReference) ? undefined : 'an entry is no reference to an event'
}

function isHashId(id: JsonValue): boolean {
  return parseEventId(id, 'hash') !== undefined
}

function isPair(pair: JsonValue): boolean {
  return (
    Array.isArray(pair) && pair.length === 2 && parseEventId(pair[0], 'domain') !== undefined && isJsonObject(pair[1])
  )
}

function isShortText(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && fitsBytes(value, MAX_KEY_BYTES)
}

function isDepth(value: JsonValue | undefined): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isSignatures(signatures: JsonValue | undefined): boolean {
  if (!isJsonObject(signatures)) return false
  return Object.values(signatures).every(
    (own) => isJsonObject(own) && Object.values(own).every((signature) => typeof signature === 'string'),
  )
}
