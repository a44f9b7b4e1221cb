import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { KeptContent, RoomVersionRules } from '../rooms/rules.ts'

/**
 * What redaction leaves of an event in that room version (client-server API, "Redactions"). Idempotent; the input is not
 * changed. Nothing is added: `unsigned.redacted_because` is for whoever serves the event.
 */
export function redact(event: JsonObject, rules: RoomVersionRules): JsonObject {
  const redacted: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(event)) {
    // The kept keys are ours, so plain assignment cannot meet `__proto__`.
    if (value !== undefined && rules.redaction.topLevel.has(key)) redacted[key] = value
  }
  if (isJsonObject(redacted.content)) redacted.content = redactContent(event, redacted.content, rules)
  return redacted
}

/** What redaction leaves of `content`; the very object where that is all. */
export function redactContent(event: JsonObject, content: JsonObject, rules: RoomVersionRules): JsonObject {
  const type = event.type
  const kept: KeptContent = typeof type === 'string' ? (rules.redaction.content.get(type) ?? []) : []
  if (kept === 'all') return content
  const redacted: Record<string, JsonValue> = {}
  for (const path of kept) {
    const [key = '', inner] = path.split('.')
    const value = ownValue(content, key)
    if (value === undefined) continue
    if (inner === undefined) redacted[key] = value
    else if (isJsonObject(value)) {
      const innerValue = ownValue(value, inner)
      if (innerValue !== undefined) redacted[key] = { [inner]: innerValue }
    }
  }
  return redacted
}
