import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { Receipt } from '../ports.ts'
import { type SyncContext, sinceOf } from './context.ts'

/**
 * Typing and receipts of a room (Client-Server API, "Typing Notifications", "Receipts"). A room new to the client
 * (`whole`) gets everything there is.
 */
export async function roomEphemeral(context: SyncContext, roomId: RoomId, whole: boolean): Promise<JsonObject[]> {
  const { filter, ignored } = context
  if (!filter.ephemeral.matchesRoom(roomId)) return []
  const events = [...typingEvent(context, roomId, whole), ...(await receiptEvents(context, roomId, whole))]
  return events
    .filter((event) => filter.ephemeral.matches({ type: event.type, content: event.content }))
    .slice(0, filter.ephemeral.limit)

  function typingEvent({ sources, to }: SyncContext, room: RoomId, everything: boolean) {
    const notice = sources.ephemeral.typing(room)
    const users = notice.users.filter((user) => !ignored.has(user))
    const news = everything ? users.length > 0 : notice.position > sinceOf(context) && notice.position <= to
    return news ? [{ type: 'm.typing', content: { user_ids: users } }] : []
  }
}

async function receiptEvents(context: SyncContext, roomId: RoomId, whole: boolean) {
  const from = whole ? 0 : sinceOf(context)
  const receipts = await context.sources.ephemeral.receipts(roomId, from, context.to)
  const visible = visibleReceipts(receipts, context.requester.userId, context.ignored)
  // One event per thread: a user may have a receipt in each for the same event, and an event has room for one of them.
  const threads = Map.groupBy(visible, (receipt) => receipt.threadId ?? '')
  return [...threads.values()].map((thread) => ({ type: 'm.receipt', content: receiptContent(thread) }))
}

/** Private receipts go to their own user only; those of ignored users to nobody. */
export function visibleReceipts(
  receipts: readonly Receipt[],
  userId: UserId,
  ignored: ReadonlySet<UserId>,
): readonly Receipt[] {
  return receipts.filter((receipt) => {
    if (receipt.type === 'm.read.private') return receipt.userId === userId
    return receipt.type === 'm.read' && !ignored.has(receipt.userId)
  })
}

/** Content of `m.receipt`. Of a user's receipts of one type for one event, the last in the list is there. */
export function receiptContent(receipts: readonly Receipt[]): JsonObject {
  const byEvent = Map.groupBy(receipts, (receipt) => receipt.eventId)
  return Object.fromEntries(
    [...byEvent].map(([eventId, ofEvent]) => {
      const byType = Map.groupBy(ofEvent, (receipt) => receipt.type)
      return [eventId, Object.fromEntries([...byType].map(([type, ofType]) => [type, byUser(ofType)]))]
    }),
  )
}

function byUser(receipts: readonly Receipt[]): JsonObject {
  return Object.fromEntries(
    receipts.map(({ userId, ts, threadId }) => [
      userId,
      { ts, ...(threadId === undefined ? {} : { thread_id: threadId }) },
    ]),
  )
}
