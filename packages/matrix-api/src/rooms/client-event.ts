import type { EventId, JsonObject, JsonValue, Pdu } from '@starling/protocol'
import type { ClientTransaction, Membership, RoomEvent } from '../ports.ts'
import { objectIn, stringIn } from './content.ts'

/** What only the asking client decides about the form of an event. */
export interface ClientEventForm {
  readonly userId: string
  readonly deviceId: string
  /** Milliseconds since the Unix epoch, for `unsigned.age`. */
  readonly now: number
  readonly format: 'client' | 'federation'
  /** Left out where the answer names the room itself (/sync). */
  readonly withRoomId: boolean
}

/** What is known about an event beyond itself. */
export interface ClientEventExtras {
  /** The state event that it replaced, where the client may see that one. */
  readonly previous?: Pdu | undefined
  /** Bundled aggregations: `m.relations`. */
  readonly relations?: JsonObject | undefined
  /** The asking user's membership at the event. */
  readonly membership?: Membership | undefined
}

/**
 * An event as clients get it (Client-Server API, "Room event format"): no hashes, signatures, or graph; `unsigned` made
 * here. With format `federation`, the event as it is between servers, `unsigned` added.
 */
export function clientEvent(event: RoomEvent, form: ClientEventForm, extras: ClientEventExtras = {}): JsonObject {
  const { pdu } = event
  const unsigned = unsignedOf(event, form, extras)
  if (form.format === 'federation') return { ...pdu.json, unsigned }
  return { ...clientFields(pdu, form.withRoomId), unsigned }
}

/**
 * The key under which a client's transaction is stored: unique per operation, room and further path, as the spec scopes
 * them ("Transaction identifiers"); the client's own part last.
 */
export function transactionKey(operation: string, path: readonly string[], txnId: string): string {
  return [operation, ...path.map(encodeURIComponent), ''].join('/') + txnId
}

/** The client's own part of {@link transactionKey}. Operation, room and one more part stand before it. */
function clientTxnId(transaction: ClientTransaction): string {
  return transaction.txnId.split('/').slice(3).join('/')
}

function clientFields(pdu: Pdu, withRoomId: boolean): Record<string, JsonValue> {
  const fields: Record<string, JsonValue> = {
    event_id: pdu.eventId,
    type: pdu.type,
    sender: pdu.sender,
    origin_server_ts: pdu.originServerTs,
    content: pdu.content,
  }
  if (withRoomId) fields.room_id = pdu.roomId
  if (pdu.stateKey !== undefined) fields.state_key = pdu.stateKey
  if (pdu.type === 'm.room.redaction' && pdu.redacts !== undefined) addRedacts(fields, pdu, pdu.redacts)
  return fields
}

/** Rooms up to version 10 have `redacts` beside `content`, later ones in it; clients get both (room version 11). */
function addRedacts(fields: Record<string, JsonValue>, pdu: Pdu, redacts: EventId): void {
  fields.redacts = redacts
  if (stringIn(pdu.content, 'redacts') === undefined) fields.content = { ...pdu.content, redacts } as JsonObject
}

function unsignedOf(event: RoomEvent, form: ClientEventForm, extras: ClientEventExtras): JsonObject {
  const { pdu, transaction } = event
  const unsigned: Record<string, JsonValue> = { age: form.now - pdu.originServerTs }
  if (transaction?.userId === form.userId && transaction.deviceId === form.deviceId) {
    unsigned.transaction_id = clientTxnId(transaction)
  }
  if (extras.membership !== undefined) unsigned.membership = extras.membership
  if (pdu.stateKey !== undefined && event.replaces !== undefined) {
    unsigned.replaces_state = event.replaces
    if (extras.previous) {
      unsigned.prev_content = extras.previous.content
      // Not in the spec, but how matrix-js-sdk learns whose invite a join accepted, and with it that a room is a direct chat.
      unsigned.prev_sender = extras.previous.sender
    }
  }
  if (event.redactedBecause) {
    unsigned.redacted_because = {
      ...clientFields(event.redactedBecause, form.withRoomId),
      unsigned: { age: form.now - event.redactedBecause.originServerTs },
    }
  }
  if (extras.relations) unsigned['m.relations'] = extras.relations
  return unsigned
}

/** `m.relates_to` of an event where it has a relationship type; rich replies have none. */
export function relationOf(pdu: Pdu): { readonly relType: string; readonly eventId: EventId } | undefined {
  const relatesTo = objectIn(pdu.content, 'm.relates_to')
  const relType = stringIn(relatesTo, 'rel_type')
  const eventId = stringIn(relatesTo, 'event_id')
  return relType === undefined || eventId === undefined ? undefined : { relType, eventId: eventId as EventId }
}
