import { type EventId, parseEventId, type RoomId, type UserId } from '@starling/protocol'
import { MatrixError } from '../http/matrix-error.ts'
import type { Receipt, RoomEvent } from '../ports.ts'
import { threadOf } from '../sync/thread-of.ts'
import type { EphemeralDeps } from './deps.ts'

export interface MarkerMove {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly type: Receipt['type']
  readonly eventId: EventId
  readonly threadId?: string | undefined
}

/**
 * Sets a receipt or the fully-read marker (Client-Server API, "Receipts", "Fully read markers"). Receipts only go forward:
 * one for an event before the last is taken and changes nothing. 404 for an event that is not in the room.
 */
export async function moveMarker(deps: EphemeralDeps, move: MarkerMove): Promise<void> {
  const event = await deps.reader.event(move.roomId, move.eventId)
  if (!event) throw new MatrixError(404, 'M_NOT_FOUND', 'There is no such event in this room')
  if (move.type === 'm.fully_read') {
    await deps.accountData.put(move.userId, move.roomId, 'm.fully_read', { event_id: move.eventId })
    return
  }
  if (move.threadId !== undefined) await checkThread(deps, move, event)
  if (await isBehind(deps, move, event)) return
  const { roomId, userId, type, eventId, threadId } = move
  await deps.ephemeral.setReceipt(roomId, { userId, type, eventId, threadId })
}

export function asMarkedEvent(text: string, name: string): EventId {
  const eventId = parseEventId(text)
  if (!eventId) throw new MatrixError(400, 'M_INVALID_PARAM', `Not an event id: ${name}`)
  return eventId
}

/** The event is in the thread, or is its root (which, being in `main`, may be marked from either side). */
async function checkThread(deps: EphemeralDeps, move: MarkerMove, event: RoomEvent): Promise<void> {
  if (move.threadId === event.pdu.eventId) return
  const thread = await threadOf(deps.reader, move.roomId, event)
  if (thread !== move.threadId) throw new MatrixError(400, 'M_INVALID_PARAM', 'The event is not in that thread')
}

async function isBehind(deps: EphemeralDeps, move: MarkerMove, event: RoomEvent): Promise<boolean> {
  const present = await deps.ephemeral.receiptOf(move.roomId, move.userId, move.type, move.threadId)
  if (!present || event.order === undefined) return false
  const marked = await deps.reader.event(move.roomId, present.eventId)
  return marked?.order !== undefined && marked.order > event.order
}
