import type { EventId, JsonObject, Pdu, PduJson, RoomId, UserId } from '@starling/protocol'

/** An event as the fixtures write it, with everything that follows from the room version already decided. */
export interface VectorEvent {
  readonly eventId: string
  readonly roomId: string
  readonly type: string
  readonly sender: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly prevEvents: readonly string[]
  readonly authEvents: readonly string[]
  readonly depth: number
  readonly ts: number
  readonly redacts?: string | undefined
  /** Servers whose signature it carries. */
  readonly signedBy: readonly string[]
  /** Whether the JSON names the room: not so for a create event of version 12. */
  readonly namesRoom: boolean
}

/** An id from a label, in the form of the room version; `domain` counts in versions 1 and 2. Labels sort as their ids do. */
export function vectorId(label: string, roomVersion: string, domain = 'a.test'): string {
  const opaque = label.replace(/[^A-Za-z0-9]/g, '_')
  return Number(roomVersion) <= 2 ? `$${opaque}:${domain}` : `$${opaque.padEnd(43, '-')}`
}

/** The event as a parsed PDU: hashes are none and signatures are by name only, since neither auth nor resolution looks at them. */
export function vectorPdu(event: VectorEvent): Pdu {
  const signatures = Object.fromEntries(event.signedBy.map((server) => [server, { 'ed25519:1': 'AAAA' }]))
  const json = {
    type: event.type,
    sender: event.sender,
    content: event.content,
    prev_events: event.prevEvents,
    auth_events: event.authEvents,
    depth: event.depth,
    origin_server_ts: event.ts,
    hashes: { sha256: '' },
    signatures,
    ...(event.namesRoom ? { room_id: event.roomId } : {}),
    ...(event.stateKey === undefined ? {} : { state_key: event.stateKey }),
  } as unknown as PduJson
  return {
    eventId: event.eventId as EventId,
    roomId: event.roomId as RoomId,
    type: event.type,
    stateKey: event.stateKey,
    sender: event.sender as UserId,
    content: event.content,
    prevEvents: event.prevEvents as readonly EventId[],
    authEvents: event.authEvents as readonly EventId[],
    depth: event.depth,
    originServerTs: event.ts,
    redacts: event.redacts as EventId | undefined,
    json,
  }
}

/** The creator of every vector room has no level in version 12, where creators may not stand in `users`. */
export function withoutCreatorLevel(content: JsonObject, creator: string, roomVersion: string): JsonObject {
  const { users } = content
  if (roomVersion !== '12' || typeof users !== 'object' || users === null || Array.isArray(users)) return content
  const { [creator]: _, ...others } = users as JsonObject
  return { ...content, users: others }
}
