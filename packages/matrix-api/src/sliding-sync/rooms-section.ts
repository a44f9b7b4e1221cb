import type { JsonObject, RoomId } from '@starling/protocol'
import type { Position } from '../ports.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import type { WantedRoom } from './list-windows.ts'
import { memberUpdate, type Occasion, type RoomOutcome } from './room-update.ts'
import type { RoomForm, SentRoom } from './sent-room.ts'
import type { SlidingContext } from './sliding-context.ts'
import { strippedUpdate } from './stripped-update.ts'
import type { OrderedRoom } from './user-room-order.ts'

/** Rooms read at once: enough to keep the store busy, few enough that other requests get their turn. */
const CONCURRENCY = 16

/** `rooms` of the answer: of the wanted rooms those that the client lacks something of. */
export async function roomsSection(context: SlidingContext): Promise<Readonly<Record<string, JsonObject>>> {
  leaveBehind(context)
  const due = []
  for (const wanted of context.windows.wanted.values()) {
    const before = context.draft.rooms.get(wanted.room.row.roomId)
    const occasion = occasionOf(context, wanted, before)
    if (occasion) due.push({ wanted, before, occasion })
  }
  const rooms: Record<string, JsonObject> = {}
  const outcomes = await mapConcurrent(due, CONCURRENCY, ({ wanted, before, occasion }) =>
    outcomeOf(context, wanted, before, occasion),
  )
  for (const [index, outcome] of outcomes.entries()) {
    const roomId = due[index]?.wanted.room.row.roomId
    if (!outcome || !roomId) continue
    context.draft.rooms.set(roomId, outcome.sent)
    if (outcome.json) rooms[roomId] = outcome.json
  }
  return rooms
}

/** Whether anything of the room may have to be sent; undefined for the quiet ones, which nearly all are. */
function occasionOf(context: SlidingContext, wanted: WantedRoom, before: SentRoom | undefined): Occasion | undefined {
  const { draft, labels, touched } = context
  const { room, config } = wanted
  const { roomId } = room.row
  if (!before || before.form !== formOf(room))
    return { whole: true, from: 0, changed: true, grown: false, expanded: false }
  const from = before.upTo === 'live' ? draft.since : before.upTo
  const changed = room.activity > from
  const grown = config.requiredState.key !== before.config.requiredState.key
  const wantsMore = config.timelineLimit > Math.max(before.config.timelineLimit, before.timelineLength)
  // Unread counts go by receipts as well, and those leave the room's activity as it is.
  const counted = room.kind === 'joined' && (before.upTo !== 'live' || (touched?.has(roomId) ?? true))
  const relabelled = before.told.is_dm !== String(labels.direct.has(roomId))
  if (!changed && !grown && !wantsMore && !counted && !relabelled) return undefined
  return { whole: false, from, changed, grown, expanded: wantsMore && before.form !== 'stripped' }
}

function formOf({ kind }: OrderedRoom): RoomForm {
  if (kind === 'joined' || kind === 'departed') return kind
  return 'stripped'
}

function outcomeOf(
  context: SlidingContext,
  wanted: WantedRoom,
  before: SentRoom | undefined,
  occasion: Occasion,
): Promise<RoomOutcome | undefined> {
  if (formOf(wanted.room) === 'stripped') return strippedUpdate(context, wanted, before, occasion)
  return memberUpdate(context, wanted, before, afterLeaving(wanted, before, occasion, context.draft.since))
}

/** A client that had the room when its user left it goes on from what it has. */
function afterLeaving(
  { room }: WantedRoom,
  before: SentRoom | undefined,
  occasion: Occasion,
  since: Position,
): Occasion {
  if (room.kind !== 'departed' || before?.form !== 'joined') return occasion
  return { ...occasion, whole: false, from: before.upTo === 'live' ? since : before.upTo }
}

/** Rooms that the client has, that have moved on, and that it does not ask for now: known from here on as left behind. */
function leaveBehind({ draft, order, windows }: SlidingContext): void {
  for (const room of order.rooms) {
    if (room.activity <= draft.since) break
    const { roomId } = room.row
    if (windows.wanted.has(roomId)) continue
    const sent = draft.rooms.get(roomId)
    if (sent?.upTo === 'live') draft.rooms.set(roomId, { ...sent, upTo: draft.since })
  }
}

/** Whether a room may be shown on this connection at all (MSC4186, "Lists"). */
export function isShown(sent: { has(roomId: RoomId): boolean }, to: Position): (room: OrderedRoom) => boolean {
  return ({ row, kind, leftByOneself }) => {
    // Came while the answer is being put together: it belongs to the next one.
    if (row.position > to) return false
    if (kind === 'joined' || kind === 'invited' || kind === 'knocked') return true
    return (kind === 'departed' && !leftByOneself) || sent.has(row.roomId)
  }
}
