import { fitsBytes } from '../ids/byte-length.ts'
import { parseUserId } from '../ids/user-id.ts'
import { ownValue } from '../json/own-value.ts'
import { isJsonObject } from '../json/strict-parse.ts'
import type { JsonObject, JsonValue } from '../json/value.ts'
import type { Pdu } from './pdu.ts'
import { MAX_KEY_BYTES } from './pdu-limits.ts'

/** State that tells an invited or knocking user about a room. Client-server API, "Stripped state". */
export const STRIPPED_STATE_TYPES: readonly string[] = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/** Events kept of a stranger's stripped state; the spec names eight kinds, so this leaves room and bounds a sync. */
export const MAX_STRIPPED_STATE = 50

/** The four fields of a stripped state event: `sender`, `type`, `state_key`, `content`. */
export function strippedState(pdu: Pdu): JsonObject {
  return { type: pdu.type, state_key: pdu.stateKey ?? '', sender: pdu.sender, content: pdu.content }
}

/**
 * What is usable of the `invite_room_state` or `knock_room_state` that another server sent (stripped events or whole PDUs): the four
 * fields of each well-formed event, the first {@link MAX_STRIPPED_STATE} of them. Malformed entries are dropped, so that
 * nothing of it can break a sync (CVE-2023-32323, CVE-2024-52815).
 */
export function parseStrippedState(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) return []
  const kept: JsonObject[] = []
  for (const entry of value as readonly JsonValue[]) {
    if (kept.length === MAX_STRIPPED_STATE) break
    if (isJsonObject(entry) && isStrippedEvent(entry)) {
      kept.push({ type: entry.type, state_key: entry.state_key, sender: entry.sender, content: entry.content })
    }
  }
  return kept
}

function isStrippedEvent(event: JsonObject): boolean {
  return (
    isShortText(ownValue(event, 'type')) &&
    isShortText(ownValue(event, 'state_key')) &&
    parseUserId(ownValue(event, 'sender')) !== undefined &&
    isJsonObject(ownValue(event, 'content'))
  )
}

function isShortText(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && fitsBytes(value, MAX_KEY_BYTES)
}
