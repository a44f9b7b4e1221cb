import {
  type JsonObject,
  type ParsedPdu,
  parsePdu,
  type RoomVersionRules,
  roomVersionRules,
  type Sha256,
} from '@starling/protocol'

export type FormatResult =
  | { readonly ok: true; readonly parsed: ParsedPdu; readonly rules: RoomVersionRules }
  | { readonly ok: false; readonly code: string; readonly reason: string }

/** Step 1: is it a valid event of that room version? If not it is dropped. The event id is computed, never taken over. */
export function checkFormat(json: JsonObject, roomVersion: string, sha256: Sha256): FormatResult {
  const rules = roomVersionRules(roomVersion)
  if (!rules) return { ok: false, code: 'unknown_room_version', reason: 'a room version that is not known here' }
  const parsed = parsePdu(json, rules, sha256)
  return parsed.ok ? { ok: true, parsed, rules } : { ok: false, code: parsed.code, reason: parsed.reason }
}
