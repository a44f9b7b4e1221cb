import type { Clock, JsonObject, RoomId, UserId } from '@starling/protocol'
import { integerQuery } from '../http/check-input.ts'
import { type Call, endpoint } from '../http/endpoint.ts'
import type { Ephemeral, RoomEvent, RoomReader } from '../ports.ts'
import { clientEvent } from '../rooms/client-event.ts'
import { formFor } from '../rooms/event-serialiser.ts'
import { mapConcurrent } from '../rooms/map-concurrent.ts'
import { formatPageToken, parsePageToken } from '../rooms/position-token.ts'
import { openRoom } from '../rooms/room-view.ts'
import type { AccountData } from '../sync/ports.ts'
import { threadOf } from '../sync/thread-of.ts'
import type { PushOutcome } from './evaluate-push-rules.ts'
import type { RoomPushEvaluation } from './push-evaluation.ts'

export interface NotificationDeps {
  readonly reader: RoomReader
  readonly accountData: AccountData
  readonly ephemeral: Ephemeral
  readonly push: RoomPushEvaluation
  readonly clock: Clock
}

interface Notification {
  readonly event: RoomEvent
  readonly order: number
  readonly outcome: PushOutcome
}

interface RoomScan {
  readonly notifications: readonly Notification[]
  /** Everything above this place has been looked at; undefined where there is nothing older. */
  readonly scannedTo: number | undefined
}

const LIMIT = { min: 1, max: 100, fallback: 20 }

/** Events looked at per room and page. A page can come out short, even empty, with a token to go on. */
const SCAN = 100
const CONCURRENCY = 8

/**
 * `GET /notifications` (Client-Server API, "Listing Notifications"): events of joined rooms that the user's push rules, as they
 * are now, notify for, newest first.
 */
export function getNotifications(deps: NotificationDeps) {
  return endpoint<'token'>({
    method: 'GET',
    path: '/_matrix/client/v3/notifications',
    auth: 'token',
    rate: 'search',
    async handle(call) {
      const { requester, query } = call
      const limit = integerQuery(query, 'limit', LIMIT)
      const from = query.from === undefined ? undefined : parsePageToken(query.from, 'from')
      const joined = (await deps.reader.roomsOf(requester.userId)).filter((room) => room.membership === 'join')
      const scans = await mapConcurrent(joined, CONCURRENCY, ({ roomId }) =>
        scanRoom(deps, requester.userId, roomId, from, query.only === 'highlight'),
      )
      const { page, next } = mergeScans(scans, limit)
      return {
        notifications: await mapConcurrent(page, CONCURRENCY, (notification) => asJson(deps, call, notification)),
        ...(next !== undefined && { next_token: formatPageToken(next) }),
      }
    },
  })
}

async function scanRoom(
  deps: NotificationDeps,
  userId: UserId,
  roomId: RoomId,
  from: number | undefined,
  highlightsOnly: boolean,
): Promise<RoomScan> {
  const view = await openRoom(deps, roomId, userId)
  // Older history was never new to this user: it is not fetched for this.
  const walk = { direction: 'b', to: await view.joinedAt(), limit: SCAN, ...(from !== undefined && { from }) } as const
  const slice = await deps.reader.timeline(roomId, walk)
  const events = await view.shown(slice.events)
  const outcomes = await deps.push.outcomes(userId, roomId, events)
  const notifications = events.flatMap((event, index): Notification[] => {
    const outcome = outcomes[index]
    if (!outcome || event.order === undefined) return []
    return highlightsOnly && outcome.tweaks.highlight !== true ? [] : [{ event, order: event.order, outcome }]
  })
  return { notifications, scannedTo: slice.next }
}

/** The newest of all rooms, down to where every room has been looked at. */
function mergeScans(
  scans: readonly RoomScan[],
  limit: number,
): { readonly page: readonly Notification[]; readonly next: number | undefined } {
  const open = scans.map(({ scannedTo }) => scannedTo).filter((place) => place !== undefined)
  const floor = open.length === 0 ? undefined : Math.max(...open)
  const known = scans
    .flatMap(({ notifications }) => notifications)
    .filter(({ order }) => floor === undefined || order > floor)
    .sort((a, b) => b.order - a.order)
  const page = known.slice(0, limit)
  const last = page.at(-1)
  // Exclusive from above: the next page begins just below the last event of this one.
  if (known.length > limit && last) return { page, next: last.order - 1 }
  return { page, next: floor }
}

async function asJson(
  deps: NotificationDeps,
  call: Call,
  { event, order, outcome }: Notification,
): Promise<JsonObject> {
  const { roomId } = event.pdu
  return {
    room_id: roomId,
    ts: event.pdu.originServerTs,
    actions: outcome.actions,
    read: order <= (await readUpTo(deps, call.requester.userId, event)),
    event: clientEvent(event, formFor(call.requester, deps.clock, { withRoomId: false })),
  }
}

/** The furthest place that any of the user's receipts covers for this event's thread. */
async function readUpTo({ reader, ephemeral }: NotificationDeps, userId: UserId, event: RoomEvent): Promise<number> {
  const { roomId } = event.pdu
  const thread = await threadOf(reader, roomId, event)
  let furthest = 0
  for (const type of ['m.read', 'm.read.private'] as const) {
    for (const threadId of [undefined, thread]) {
      const receipt = await ephemeral.receiptOf(roomId, userId, type, threadId)
      const order = receipt && (await reader.event(roomId, receipt.eventId))?.order
      if (order !== undefined && order > furthest) furthest = order
    }
  }
  return furthest
}
