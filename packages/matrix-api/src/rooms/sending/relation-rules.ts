import type { EventId, JsonObject, RoomId, UserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomEvent, RoomReader } from '../../ports.ts'
import { relationOf } from '../client-event.ts'
import { objectIn, stringIn } from '../content.ts'

/** Annotations of one event looked at for a duplicate; a room where one has more can hold a second of the same. */
const MAX_ANNOTATIONS = 1_000
const PAGE = 100

export interface RelatingEvent {
  readonly roomId: RoomId
  readonly sender: UserId
  readonly type: string
  readonly content: JsonObject
}

/**
 * What the spec has servers refuse of relations: threads upon threads ("Validation of m.thread relationships") and the same
 * annotation twice ("Avoiding duplicate annotations"). Resolves with the earlier annotation where `isRetry` says that it
 * is this very request's.
 */
export async function checkRelation(
  reader: RoomReader,
  event: RelatingEvent,
  isRetry: (earlier: RoomEvent) => boolean,
): Promise<EventId | undefined> {
  const relatesTo = objectIn(event.content, 'm.relates_to')
  const relType = stringIn(relatesTo, 'rel_type')
  const target = stringIn(relatesTo, 'event_id') as EventId | undefined
  if (target === undefined) return undefined
  if (relType === 'm.thread') await checkThreadRoot(reader, event.roomId, target)
  const key = stringIn(relatesTo, 'key')
  if (relType !== 'm.annotation' || key === undefined) return undefined
  const earlier = await findAnnotation(reader, event, target, key)
  if (!earlier) return undefined
  if (isRetry(earlier)) return earlier.pdu.eventId
  throw new MatrixError(400, 'M_DUPLICATE_ANNOTATION', 'You have annotated the event so already')
}

async function checkThreadRoot(reader: RoomReader, roomId: RoomId, target: EventId): Promise<void> {
  const root = await reader.event(roomId, target)
  if (root && relationOf(root.pdu)) {
    throw new MatrixError(400, 'M_UNKNOWN', 'A thread cannot start from an event that relates to another')
  }
}

async function findAnnotation(
  reader: RoomReader,
  event: RelatingEvent,
  target: EventId,
  key: string,
): Promise<RoomEvent | undefined> {
  let from: number | undefined
  let seen = 0
  do {
    const slice = await reader.relations(event.roomId, target, {
      relType: 'm.annotation',
      eventType: event.type,
      limit: PAGE,
      ...(from === undefined ? {} : { from }),
    })
    const found = slice.events.find(
      ({ pdu, redactedBecause }) =>
        !redactedBecause &&
        pdu.sender === event.sender &&
        stringIn(objectIn(pdu.content, 'm.relates_to'), 'key') === key,
    )
    if (found) return found
    seen += slice.events.length
    from = slice.next
  } while (from !== undefined && seen < MAX_ANNOTATIONS)
  return undefined
}
