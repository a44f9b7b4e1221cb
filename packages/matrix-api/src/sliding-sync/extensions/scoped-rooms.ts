import type { RoomId } from '@starling/protocol'
import type { Position } from '../../ports.ts'
import type { Progress } from '../connection.ts'
import type { WantedRoom } from '../list-windows.ts'
import type { PendingMap } from '../pending-map.ts'
import type { SlidingContext } from '../sliding-context.ts'
import type { ExtensionScope } from '../sliding-request.ts'
import type { OrderedRoom } from '../user-room-order.ts'

/** A room of which an extension may have something to say. */
export interface ScopedRoom {
  readonly room: OrderedRoom
  /** From where on its client lacks the stream; undefined: it never had any of it. */
  readonly from: Position | undefined
}

export interface ScopeRules {
  /** Rooms of which the extension may tell this user. */
  readonly admits: (room: OrderedRoom) => boolean
  /** Whether there may be news of a room that the client has up to the connection's position. */
  readonly mayHaveNews: (wanted: WantedRoom) => boolean
}

/**
 * Of the rooms that a per-room extension is about (MSC4508, "Common per-room extension semantics") those with possible news. All
 * of them are noted as given from here on; those that fell out of its scope as left behind, so that they go on from there when
 * they are back.
 */
export function scopedRooms(
  { windows, draft }: Pick<SlidingContext, 'windows' | 'draft'>,
  scope: ExtensionScope | undefined,
  progress: PendingMap<RoomId, Progress>,
  rules: ScopeRules,
): ScopedRoom[] {
  const due: ScopedRoom[] = []
  let inScope = 0
  for (const wanted of scope ? windows.wanted.values() : []) {
    const { room } = wanted
    if (!isInScope(wanted, scope) || !rules.admits(room)) continue
    inScope += 1
    const before = progress.get(room.row.roomId)
    if (before !== 'live') {
      progress.set(room.row.roomId, 'live')
      due.push({ room, from: before })
    } else if (rules.mayHaveNews(wanted)) due.push({ room, from: draft.since })
  }
  if (progress.sizeAtMost > inScope) leaveBehind({ windows, draft }, scope, progress, rules)
  return due
}

function leaveBehind(
  { windows, draft }: Pick<SlidingContext, 'windows' | 'draft'>,
  scope: ExtensionScope | undefined,
  progress: PendingMap<RoomId, Progress>,
  { admits }: ScopeRules,
): void {
  for (const [roomId, before] of [...progress.entries()]) {
    if (before !== 'live') continue
    const wanted = windows.wanted.get(roomId)
    if (!wanted || !isInScope(wanted, scope) || !admits(wanted.room)) progress.set(roomId, draft.since)
  }
}

function isInScope(wanted: WantedRoom, scope: ExtensionScope | undefined): boolean {
  if (!scope) return false
  const { lists, rooms } = scope
  return (
    (lists ? wanted.lists.some((list) => lists.has(list)) : wanted.lists.length > 0) ||
    (wanted.subscribed && (rooms?.has(wanted.room.row.roomId) ?? true))
  )
}
