import { MAX_PDU_NESTING } from '../events/pdu-limits.ts'
import { redact } from '../events/redact.ts'
import { encodeBase64, encodeBase64Url } from '../ids/base64.ts'
import type { EventId } from '../ids/branded.ts'
import { parseEventId } from '../ids/room-id.ts'
import { type CanonicalOptions, canonicalBytes } from '../json/canonical.ts'
import { withoutKeys } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { Sha256 } from '../ports.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'

/**
 * The bytes that an event's content hash covers: everything but `hashes`, `signatures`, `unsigned`, and `server_keys`
 * (Starling's, which has a signature of its own), canonical. Throws `JsonError`.
 */
export function hashedEventBytes(event: JsonObject, options?: CanonicalOptions): Uint8Array {
  return canonicalBytes(withoutKeys(event, 'hashes', 'signatures', 'unsigned', 'server_keys'), options)
}

/** Server-server API, "Calculating the content hash for an event". 32 bytes. Throws `JsonError`. */
export function contentHash(event: JsonObject, sha256: Sha256, options?: CanonicalOptions): Uint8Array {
  return sha256(hashedEventBytes(event, options))
}

/** True if `hashes.sha256` is the content hash. False means: only the redacted form may be used. */
export function contentHashMatches(event: JsonObject, sha256: Sha256, options?: CanonicalOptions): boolean {
  const { hashes } = event
  return isJsonObject(hashes) && hashes.sha256 === encodeBase64(contentHash(event, sha256, options))
}

/**
 * The bytes that an event's signatures and its reference hash cover: redacted, without `signatures` and `unsigned`, canonical.
 * `server_keys` goes with the redaction. Throws `JsonError`.
 */
export function signedEventBytes(event: JsonObject, rules: RoomVersionRules): Uint8Array {
  return canonicalBytes(withoutKeys(redact(event, rules), 'signatures', 'unsigned'), canonicalOptions(rules))
}

/** Server-server API, "Calculating the reference hash for an event". 32 bytes. Throws `JsonError`. */
export function referenceHash(event: JsonObject, rules: RoomVersionRules, sha256: Sha256): Uint8Array {
  return sha256(signedEventBytes(event, rules))
}

/**
 * The event's id: given in versions 1 and 2, else its reference hash. `undefined` where a given one is malformed. Throws
 * `JsonError` for an event without canonical form.
 */
export function eventIdOf(event: JsonObject, rules: RoomVersionRules, sha256: Sha256): EventId | undefined {
  if (rules.eventId === 'given') return parseEventId(event.event_id, 'domain')
  return eventIdOfHash(referenceHash(event, rules, sha256), rules)
}

/** An event id from a reference hash that is already there; room versions 3 and up. */
export function eventIdOfHash(hash: Uint8Array, rules: RoomVersionRules): EventId {
  return `$${rules.eventId === 'base64' ? encodeBase64(hash) : encodeBase64Url(hash)}` as EventId
}

/** Numbers as the room version has them in its canonical JSON, and the nesting of a PDU; also fit for `parseStrictJson`. */
export function canonicalOptions(rules: RoomVersionRules): CanonicalOptions {
  return rules.strictNumbers ? STRICT : LENIENT
}

const STRICT: CanonicalOptions = { numbers: 'integers', maxDepth: MAX_PDU_NESTING }
const LENIENT: CanonicalOptions = { numbers: 'any', maxDepth: MAX_PDU_NESTING }
