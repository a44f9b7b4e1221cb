import { type EventId, isJsonObject, ownValue, type Pdu, parseEventId } from '@starling/protocol'

export interface Relation {
  readonly target: EventId
  readonly relType: string | undefined
}

/** What `m.relates_to` says, where it says something well-formed (Client-Server API, "Forming relationships between events"). */
export function relationOf(pdu: Pdu): Relation | undefined {
  const relatesTo = ownValue(pdu.content, 'm.relates_to')
  if (!isJsonObject(relatesTo)) return undefined
  const target = parseEventId(ownValue(relatesTo, 'event_id'))
  const relType = ownValue(relatesTo, 'rel_type')
  if (target === undefined || typeof relType !== 'string') return undefined
  return { target, relType }
}
