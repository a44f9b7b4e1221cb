import { hashAndSignEvent } from '../crypto/sign-event.ts'
import type { Signer } from '../crypto/sign-json.ts'
import type { EventId, RoomId, UserId } from '../ids/branded.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { Crypto } from '../ports.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { type PduResult, parsePdu } from './parse-pdu.ts'
import { MAX_DEPTH } from './pdu-limits.ts'

/** What an author decides about an event; hash, signature and id follow from it. */
export interface PduDraft {
  readonly type: string
  readonly sender: UserId
  /** Left out (and ignored) for the create event of a version 12 room. */
  readonly roomId?: RoomId
  readonly stateKey?: string
  readonly content: JsonObject
  /** Event ids; in room versions 1 and 2 their hashes have to be in `referenceHashes`, or building throws `RangeError`. */
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  readonly depth: number
  /** Milliseconds since the Unix epoch. */
  readonly originServerTs: number
  readonly redacts?: EventId
  /** Versions 1 and 2 only: event id → unpadded base64 of its reference hash. */
  readonly referenceHashes?: ReadonlyMap<EventId, string>
}

/** The event's JSON, neither hashed nor signed: what `make_join` and its kin answer as `event`. */
export function eventTemplate(draft: PduDraft, rules: RoomVersionRules): JsonObject {
  const isCreate = rules.roomId === 'hash' && draft.type === 'm.room.create'
  return {
    type: draft.type,
    sender: draft.sender,
    ...(isCreate || draft.roomId === undefined ? {} : { room_id: draft.roomId }),
    ...(draft.stateKey === undefined ? {} : { state_key: draft.stateKey }),
    content: contentOf(draft, rules),
    ...(draft.redacts !== undefined && rules.redacts === 'top-level' ? { redacts: draft.redacts } : {}),
    prev_events: references(draft.prevEvents, draft, rules),
    auth_events: references(draft.authEvents, draft, rules),
    depth: Math.min(draft.depth, MAX_DEPTH),
    origin_server_ts: draft.originServerTs,
  }
}

/**
 * Builds, hashes and signs an event, and parses the outcome as if it came from outside, so that nothing is sent that others would
 * drop. Throws `JsonError` for content without canonical form.
 */
export function makePdu(draft: PduDraft, signer: Signer, rules: RoomVersionRules, crypto: Crypto): PduResult {
  return finishPdu(eventTemplate(draft, rules), signer, rules, crypto)
}

/** The second half of {@link makePdu}, for an event that is built already. */
export function finishPdu(event: JsonObject, signer: Signer, rules: RoomVersionRules, crypto: Crypto): PduResult {
  return parsePdu(hashAndSignEvent(event, signer, rules, crypto), rules, crypto.sha256)
}

function contentOf(draft: PduDraft, rules: RoomVersionRules): JsonObject {
  if (draft.redacts === undefined || rules.redacts !== 'content') return draft.content
  return { ...draft.content, redacts: draft.redacts }
}

function references(ids: readonly EventId[], draft: PduDraft, rules: RoomVersionRules): JsonValue {
  if (rules.eventReferences === 'ids') return ids
  return ids.map((id) => {
    const sha256 = draft.referenceHashes?.get(id)
    if (sha256 === undefined) throw new RangeError(`room version ${rules.version} needs the reference hash of ${id}`)
    return [id, { sha256 }]
  })
}
