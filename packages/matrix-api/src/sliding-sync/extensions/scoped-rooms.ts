import type { RoomId } from '@starling/protocol'
import type { Position } from '../../ports.ts'
import type { Progress } from '../connection.ts'
import type { ListWindows } from '../list-windows.ts'
import type { PendingMap } from '../pending-map.ts'
import type { SlidingContext } from '../sliding-context.ts'
import type { ExtensionScope } from '../sliding-request.ts'
import type { OrderedRoom } from '../user-room-order.ts'

/** A room that an extension is about, and from where on its client lacks the stream; undefined: it never had any of it. */
export interface ScopedRoom {
  readonly room: OrderedRoom
  readonly from: Position | undefined
}

/**
 * The rooms that a per-room extension is about (MSC4508, "Common per-room extension semantics"), noted as given from here on;
 * those that fell out of its scope are noted as left behind, so that they go on from there when they are back.
 */
export function scopedRooms(
  { windows, draft }: Pick<SlidingContext, 'windows' | 'draft'>,
  scope: ExtensionScope | undefined,
  progress: PendingMap<RoomId, Progress>,
  admits: (room: OrderedRoom) => boolean,
): ScopedRoom[] {
  const inScope = scope ? roomsIn(windows, scope).filter(admits) : []
  const rooms = inScope.map((room) => {
    const before = progress.get(room.row.roomId)
    return { room, from: before === 'live' ? draft.since : before }
  })
  const ids = new Set(inScope.map(({ row }) => row.roomId))
  for (const [roomId, before] of [...progress.entries()]) {
    if (before === 'live' && !ids.has(roomId)) progress.set(roomId, draft.since)
  }
  for (const roomId of ids) if (progress.get(roomId) !== 'live') progress.set(roomId, 'live')
  return rooms
}

function roomsIn({ wanted }: ListWindows, { lists, rooms }: ExtensionScope): OrderedRoom[] {
  return [...wanted.values()]
    .filter(
      (room) =>
        room.lists.some((list) => lists?.has(list) ?? true) ||
        (room.subscribed && (rooms?.has(room.room.row.roomId) ?? true)),
    )
    .map(({ room }) => room)
}
