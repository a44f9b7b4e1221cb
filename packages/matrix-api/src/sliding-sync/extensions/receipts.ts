import { type JsonObject, parseEventId, type RoomId } from '@starling/protocol'
import type { Receipt } from '../../ports.ts'
import { mapConcurrent } from '../../rooms/map-concurrent.ts'
import { receiptContent, visibleReceipts } from '../../sync/room-ephemeral.ts'
import type { SlidingContext } from '../sliding-context.ts'
import { type ScopedRoom, scopedRooms } from './scoped-rooms.ts'

const CONCURRENCY = 16

/**
 * The `receipts` extension (MSC4551, in the form that today's clients read: one `m.receipt` event per room). A room that comes
 * into scope for the first time brings the user's own receipts and those on the events that this answer has of it; after that
 * what changed.
 */
export async function receiptsExtension(
  context: SlidingContext,
  rooms: Readonly<Record<string, JsonObject>>,
): Promise<JsonObject | undefined> {
  const { request, draft, touched } = context
  const due = scopedRooms(context, request.receipts, draft.receipts, {
    admits: ({ kind }) => kind === 'joined',
    mayHaveNews: ({ room: { row } }) => (touched?.has(row.roomId) ?? true) || showsOldEvents(rooms[row.roomId]),
  })
  const found = await mapConcurrent(due, CONCURRENCY, (room) => receiptsOf(context, room, rooms[room.room.row.roomId]))
  const entries = due.flatMap(({ room }, index) => {
    const receipts = found[index] ?? []
    return receipts.length === 0
      ? []
      : [[room.row.roomId, { type: 'm.receipt', content: receiptContent(receipts) }] as [RoomId, JsonObject]]
  })
  return entries.length === 0 ? undefined : { rooms: Object.fromEntries(entries) }
}

/** The answer has events of the room that the client may not have had, and so needs their receipts, however old. */
function showsOldEvents(room: JsonObject | undefined): boolean {
  return room?.initial === true || room?.unstable_expanded_timeline === true
}

async function receiptsOf(
  { sources, requester, ignored, to }: SlidingContext,
  { room, from }: ScopedRoom,
  json: JsonObject | undefined,
): Promise<readonly Receipt[]> {
  const { roomId } = room.row
  const wantsOld = from === undefined || showsOldEvents(json)
  const all = await sources.ephemeral.receipts(roomId, wantsOld ? 0 : from, to)
  const visible = visibleReceipts(all, requester.userId, ignored)
  if (!wantsOld) return visible
  const shown = eventIdsIn(json)
  return visible.filter(
    (receipt) =>
      (from === undefined ? receipt.userId === requester.userId : receipt.position > from) ||
      shown.has(receipt.eventId),
  )
}

function eventIdsIn(json: JsonObject | undefined): ReadonlySet<unknown> {
  const events = (json?.timeline ?? []) as readonly JsonObject[]
  return new Set(events.map((event) => parseEventId(event.event_id)))
}
