import type { JsonObject, Pdu } from '@starling/protocol'
import { arrayIn, asObject, objectIn, stringIn } from '../rooms/content.ts'

/** Keys that can be searched, each with its bit in the index (Client-Server API, "Search Categories"). */
export const SEARCH_KEYS = { 'content.body': 1, 'content.name': 2, 'content.topic': 4 } as const
export type SearchKey = keyof typeof SEARCH_KEYS

export interface SearchableText {
  readonly key: SearchKey
  readonly text: string
}

/** What of an event is searched; nothing of other types, of encrypted events, and of redacted ones. */
export function searchableText(pdu: Pick<Pdu, 'type' | 'stateKey' | 'content'>): readonly SearchableText[] {
  const { type, stateKey, content } = pdu
  if (type === 'm.room.message' && stateKey === undefined) return texts('content.body', bodies(content))
  if (type === 'm.room.name' && stateKey === '') return texts('content.name', [stringIn(content, 'name')])
  if (type === 'm.room.topic' && stateKey === '') return texts('content.topic', topics(content))
  return []
}

/** An edit is found by what it says now, not by its fallback, which repeats that with a mark. */
function bodies(content: JsonObject): (string | undefined)[] {
  const edited = stringIn(objectIn(content, 'm.new_content'), 'body')
  return [edited ?? stringIn(content, 'body')]
}

function topics(content: JsonObject): (string | undefined)[] {
  const plain = (arrayIn(objectIn(content, 'm.topic'), 'm.text') ?? [])
    .map((part) => asObject(part))
    .filter((part) => (stringIn(part, 'mimetype') ?? 'text/plain') === 'text/plain')
    .map((part) => stringIn(part, 'body'))
  return [...new Set([stringIn(content, 'topic'), ...plain])]
}

function texts(key: SearchKey, found: readonly (string | undefined)[]): SearchableText[] {
  return found.filter((text) => text !== undefined && text !== '').map((text) => ({ key, text: text as string }))
}
