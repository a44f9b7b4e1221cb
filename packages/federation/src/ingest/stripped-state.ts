import { isJsonObject, type JsonObject, type Pdu, strippedState } from '@starling/protocol'

/** Events kept of an invite's or knock's stripped state, and their characters together. What comes beyond is left out. */
const MAX_EVENTS = 50
const MAX_CHARACTERS = 64 * 1024
const MAX_TEXT = 255

/**
 * Stripped state as a stranger sent it, with only the well-formed events and in them only the four fields of stripped
 * state (Client-Server API, "Stripped state"), bounded (CVE-2023-32323, CVE-2024-52815). The membership event itself comes
 * last, where the sender had no say in what it looks like.
 */
export function cleanStrippedState(events: readonly JsonObject[], membership: Pdu): readonly JsonObject[] {
  const own = strippedState(membership)
  const kept: JsonObject[] = []
  let characters = 0
  for (const event of events.slice(0, MAX_EVENTS)) {
    if (!isJsonObject(event)) continue
    const { type, sender, state_key: stateKey, content } = event
    if (!isText(type) || !isText(sender) || !isText(stateKey) || !isJsonObject(content)) continue
    if (type === 'm.room.member' && stateKey === membership.stateKey) continue
    const stripped = { type, sender, state_key: stateKey, content }
    characters += JSON.stringify(stripped).length
    if (characters > MAX_CHARACTERS) break
    kept.push(stripped)
  }
  return [...kept, own]
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT
}
