import { redactContent } from '../events/redact.ts'
import { utf8Length } from '../ids/byte-length.ts'
import { canonicalJson, canonicalMembers } from '../json/canonical.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject } from '../json/value.ts'
import type { RoomVersionRules } from '../rooms/rules.ts'
import { EVENT_JSON } from './event-hashes.ts'

export interface EventBytes {
  /** As `hashedEventBytes`. */
  readonly hashed: Uint8Array
  /** As `signedEventBytes`. */
  readonly signed: Uint8Array
  /** Bytes of the whole event in canonical JSON. */
  readonly size: number
}

const NOT_HASHED: ReadonlySet<string> = new Set(['hashes', 'signatures'])
const utf8 = new TextEncoder()

/**
 * Everything that is asked of an event's canonical form, which is written once: the three forms differ only in the members that
 * they leave out and in what redaction leaves of `content`. For an event without `unsigned` and `server_keys`. Throws `JsonError`.
 */
export function eventBytes(event: JsonObject, rules: RoomVersionRules): EventBytes {
  let hashed = ''
  let signed = ''
  let unhashed = 0
  for (const [key, text] of canonicalMembers(event, EVENT_JSON)) {
    if (NOT_HASHED.has(key)) unhashed += utf8Length(text) + 1
    else hashed += hashed === '' ? text : `,${text}`
    if (key === 'signatures' || !rules.redaction.topLevel.has(key)) continue
    const kept = key === 'content' ? contentLeft(event, text, rules) : text
    signed += signed === '' ? kept : `,${kept}`
  }
  const hashedBytes = utf8.encode(`{${hashed}}`)
  return { hashed: hashedBytes, signed: utf8.encode(`{${signed}}`), size: hashedBytes.length + unhashed }
}

function contentLeft(event: JsonObject, text: string, rules: RoomVersionRules): string {
  const { content } = event
  if (!isJsonObject(content)) return text
  const left = redactContent(event, content, rules)
  return left === content ? text : `"content":${canonicalJson(left, EVENT_JSON)}`
}
