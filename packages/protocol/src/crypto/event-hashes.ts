import { MAX_PDU_NESTING } from '../events/pdu-limits.ts'
import { redact } from '../events/redact.ts'
import { encodeBase64, encodeBase64Url } from '../ids/base64.ts'
import type { EventId, UserId } from '../ids/branded.ts'
import { serverOf } from '../ids/id-parts.ts'
import { parseEventId } from '../ids/room-id.ts'
import { type CanonicalOptions, canonicalBytes } from '../json/canonical.ts'
import { withoutKeys } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { Sha256 } from '../ports.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'

/**
 * The JSON of events, in every room version: integers only (docs/decisions, "One JSON for all room versions"), and a bounded
 * nesting. Also fit for `parseStrictJson`.
 */
export const EVENT_JSON: CanonicalOptions = Object.freeze({ numbers: 'integers', maxDepth: MAX_PDU_NESTING })

/** In `hashes` of room versions 1 and 2: the content hash of the event without its `event_id`, for the id to be made of. */
const HASH_FOR_ID = 'sha256_without_event_id'

/**
 * The bytes that an event's content hash covers: everything but `hashes`, `signatures`, `unsigned`, and `server_keys`
 * (Starling's, which has a signature of its own), canonical. Throws `JsonError`.
 */
export function hashedEventBytes(event: JsonObject): Uint8Array {
  return canonicalBytes(withoutKeys(event, 'hashes', 'signatures', 'unsigned', 'server_keys'), EVENT_JSON)
}

/** Server-server API, "Calculating the content hash for an event". 32 bytes. Throws `JsonError`. */
export function contentHash(event: JsonObject, sha256: Sha256): Uint8Array {
  return sha256(hashedEventBytes(event))
}

/** True if `hashes.sha256` is the content hash. False means: only the redacted form may be used. */
export function contentHashMatches(event: JsonObject, sha256: Sha256): boolean {
  const { hashes } = event
  return isJsonObject(hashes) && hashes.sha256 === encodeBase64(contentHash(event, sha256))
}

/** What more an event of versions 1 and 2 has to fulfil for its content to count. */
export function hashForIdMatches(event: JsonObject, sha256: Sha256): boolean {
  const { hashes } = event
  return isJsonObject(hashes) && hashes[HASH_FOR_ID] === hashForId(event, sha256)
}

/**
 * Sets `hashes` (server-server API, "Adding hashes and signatures to outgoing events"), and in room versions 1 and 2 the
 * `event_id` of an event that has none. Throws `JsonError`.
 */
export function withHashes(event: JsonObject, rules: RoomVersionRules, sha256: Sha256): JsonObject {
  if (rules.eventId !== 'given' || event.event_id !== undefined) {
    return { ...event, hashes: { sha256: encodeBase64(contentHash(event, sha256)) } }
  }
  const hashes = { [HASH_FOR_ID]: hashForId(event, sha256) }
  const named = { ...event, event_id: eventIdFor({ ...event, hashes }, rules, sha256) }
  return { ...named, hashes: { ...hashes, sha256: encodeBase64(contentHash(named, sha256)) } }
}

/**
 * Room versions 1 and 2: the one id that this event may carry, `$<hash>:<server of the sender>`. The specification lets an author
 * choose, so that two events could claim one id and nodes would keep whichever they saw first; here the id is a hash of
 * what redaction keeps of the event, which holds a hash of all of it (docs/decisions, "Ids of room versions 1 and 2 are
 * hashes too"). Throws `JsonError`.
 */
export function eventIdFor(event: JsonObject, rules: RoomVersionRules, sha256: Sha256): EventId {
  const hashes = isJsonObject(event.hashes) ? event.hashes[HASH_FOR_ID] : undefined
  const kept = {
    ...redact(withoutKeys(event, 'event_id', 'signatures'), rules),
    hashes: { [HASH_FOR_ID]: hashes ?? '' },
  }
  return `$${encodeBase64Url(sha256(canonicalBytes(kept, EVENT_JSON)))}:${serverOf(event.sender as UserId)}` as EventId
}

function hashForId(event: JsonObject, sha256: Sha256): string {
  return encodeBase64(contentHash(withoutKeys(event, 'event_id'), sha256))
}

/**
 * The bytes that an event's signatures and its reference hash cover: redacted, without `signatures` and `unsigned`, canonical.
 * `server_keys` goes with the redaction. Throws `JsonError`.
 */
export function signedEventBytes(event: JsonObject, rules: RoomVersionRules): Uint8Array {
  return canonicalBytes(withoutKeys(redact(event, rules), 'signatures', 'unsigned'), EVENT_JSON)
}

/** Server-server API, "Calculating the reference hash for an event". 32 bytes. Throws `JsonError`. */
export function referenceHash(event: JsonObject, rules: RoomVersionRules, sha256: Sha256): Uint8Array {
  return sha256(signedEventBytes(event, rules))
}

/**
 * The event's id: in versions 1 and 2 the one it carries, else its reference hash. `undefined` where one it carries is malformed.
 * Throws `JsonError` for an event without canonical form.
 */
export function eventIdOf(event: JsonObject, rules: RoomVersionRules, sha256: Sha256): EventId | undefined {
  if (rules.eventId === 'given') return parseEventId(event.event_id, 'domain')
  return eventIdOfHash(referenceHash(event, rules, sha256), rules)
}

/** An event id from a reference hash that is already there; room versions 3 and up. */
export function eventIdOfHash(hash: Uint8Array, rules: RoomVersionRules): EventId {
  return `$${rules.eventId === 'base64' ? encodeBase64(hash) : encodeBase64Url(hash)}` as EventId
}
