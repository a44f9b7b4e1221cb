import type { JsonObject, RoomId } from '@starling/protocol'
import type { AccountDataChange } from '../../sync/ports.ts'
import type { SlidingContext } from '../sliding-context.ts'
import { scopedRooms } from './scoped-rooms.ts'

/** No room id. */
const GLOBAL = ''

/** The `account_data` extension (MSC4548): global data, and that of the rooms in scope whatever the user's membership. */
export async function accountDataExtension(context: SlidingContext): Promise<JsonObject | undefined> {
  const { sources, requester, request, draft, to } = context
  const { accountData: progress } = draft
  const due = scopedRooms(context, request.accountData, progress, { admits: () => true, mayHaveNews: () => false })
  if (!request.accountData) return undefined
  const globalFrom = draft.globalAccountData ? draft.since : 0
  const lacking = new Map(due.map(({ room, from }) => [room.row.roomId, from ?? 0] as const))
  const fromOf = ({ roomId }: AccountDataChange) => {
    if (roomId === undefined) return globalFrom
    return lacking.get(roomId) ?? (progress.get(roomId) === 'live' ? draft.since : undefined)
  }
  // One read for all: as far back as the one that lacks most.
  const changes = await sources.accountData.changes(
    requester.userId,
    Math.min(globalFrom, draft.since, ...lacking.values()),
    to,
  )
  const news = changes.filter((change) => isAfter(change, fromOf(change)))
  draft.globalAccountData = true
  if (news.length === 0) return undefined
  const byRoom = Map.groupBy(news, ({ roomId }) => roomId ?? GLOBAL)
  const events = (of: RoomId | typeof GLOBAL) => (byRoom.get(of) ?? []).map(({ type, content }) => ({ type, content }))
  const rooms = [...byRoom.keys()].filter((roomId) => roomId !== GLOBAL)
  return { global: events(GLOBAL), rooms: Object.fromEntries(rooms.map((roomId) => [roomId, events(roomId)])) }
}

/** Data that nobody has set yet (default push rules) has position 0 and belongs to a first answer. */
function isAfter({ position }: AccountDataChange, from: number | undefined): boolean {
  return from !== undefined && (position > from || from === 0)
}
