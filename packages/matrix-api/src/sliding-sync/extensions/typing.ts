import type { JsonObject } from '@starling/protocol'
import type { SlidingContext } from '../sliding-context.ts'
import { scopedRooms } from './scoped-rooms.ts'

/** The `typing` extension (MSC4508): who types in the rooms in scope that the user is in. */
export function typingExtension(context: SlidingContext): JsonObject | undefined {
  const { sources, request, draft, to, ignored, touched } = context
  const rooms: Record<string, JsonObject> = {}
  const due = scopedRooms(context, request.typing, draft.typing, {
    admits: ({ kind }) => kind === 'joined',
    mayHaveNews: ({ room }) => touched?.has(room.row.roomId) ?? true,
  })
  for (const { room, from } of due) {
    const { roomId } = room.row
    const notice = sources.ephemeral.typing(roomId)
    const users = notice.users.filter((user) => !ignored.has(user))
    const isNews = from === undefined ? users.length > 0 : notice.position > from && notice.position <= to
    if (isNews) rooms[roomId] = { type: 'm.typing', content: { user_ids: users } }
  }
  return Object.keys(rooms).length === 0 ? undefined : { rooms }
}
