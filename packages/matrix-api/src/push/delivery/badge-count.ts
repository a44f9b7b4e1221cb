import type { JsonObject, UserId } from '@starling/protocol'
import type { RoomReader } from '../../ports.ts'
import { numberIn, objectIn } from '../../rooms/content.ts'
import { mapConcurrent } from '../../rooms/map-concurrent.ts'
import { openRoom, type RoomView } from '../../rooms/room-view.ts'
import type { AccountData } from '../../sync/ports.ts'

export interface BadgeCountDeps {
  readonly reader: RoomReader
  readonly accountData: AccountData
  /** Unread counts as /sync has them. */
  readonly unreadCounts: { of(view: RoomView, upTo: number, perThread: boolean): Promise<JsonObject> }
}

const CONCURRENCY = 8

/** `counts.unread` of a notification: unread messages of all rooms that the user is in. */
export function badgeCount(deps: BadgeCountDeps): (userId: UserId) => Promise<number> {
  return async (userId) => {
    const joined = (await deps.reader.roomsOf(userId)).filter((row) => row.membership === 'join')
    const counts = await mapConcurrent(joined, CONCURRENCY, async ({ roomId }) => {
      const view = await openRoom(deps, roomId, userId)
      // Up to the room's newest change: the counts of a quiet room are then remembered, not counted again.
      const counted = await deps.unreadCounts.of(view, await deps.reader.lastChange(roomId), false)
      return numberIn(objectIn(counted, 'unread_notifications'), 'notification_count') ?? 0
    })
    return counts.reduce((sum, count) => sum + count, 0)
  }
}
