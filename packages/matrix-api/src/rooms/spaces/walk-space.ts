import type { AbortOptions, JsonObject, RoomId, ServerName, UserId } from '@starling/protocol'
import type { OutlinedRooms, RoomOutline } from './outlined-rooms.ts'

/** Where a walk through a space stands, between two pages. Never changed, so that a page can be asked for again. */
export interface SpaceWalk {
  readonly suggestedOnly: boolean
  readonly maxDepth: number
  /** The next room is the last one. */
  readonly ahead: readonly RoomAhead[]
  readonly seen: ReadonlySet<RoomId>
}

interface RoomAhead {
  readonly roomId: RoomId
  readonly via: readonly ServerName[]
  readonly depth: number
}

export interface SpacePage {
  readonly rooms: readonly JsonObject[]
  /** Undefined at the end. */
  readonly next: SpaceWalk | undefined
}

/** Rooms of one walk, over all its pages; a space with more is cut off there. */
const MAX_ROOMS = 2_000
/** Rooms that other servers are asked for, for one page: a page then ends early, and the walk goes on with the next. */
const MAX_ASKED = 30

/**
 * The next page of a walk, depth first, each room once, in the order of the spaces' children. Rooms that nobody tells of, or of
 * which the user may not know, are left out with what is below them.
 */
export async function walkSpace(
  outlines: OutlinedRooms,
  walk: SpaceWalk,
  userId: UserId,
  limit: number,
  options?: AbortOptions,
): Promise<SpacePage> {
  const ahead = [...walk.ahead]
  const seen = new Set(walk.seen)
  const rooms: JsonObject[] = []
  let asked = 0
  while (rooms.length < limit && seen.size < MAX_ROOMS && asked < MAX_ASKED) {
    const room = ahead.pop()
    if (!room) break
    if (seen.has(room.roomId)) continue
    seen.add(room.roomId)
    if (await outlines.isElsewhere(room.roomId)) asked++
    const outline = await outlines.find(room.roomId, room.via, userId, options)
    if (!outline) continue
    const children = outline.children.filter(({ suggested }) => suggested || !walk.suggestedOnly)
    rooms.push(entryOf(outline, children))
    if (room.depth >= walk.maxDepth) continue
    const below = children.map(({ roomId, via }) => ({ roomId, via, depth: room.depth + 1 }))
    ahead.push(...below.reverse())
  }
  const more = ahead.some(({ roomId }) => !seen.has(roomId)) && seen.size < MAX_ROOMS
  return { rooms, next: more ? { ...walk, ahead, seen } : undefined }
}

function entryOf(outline: RoomOutline, children: RoomOutline['children']): JsonObject {
  return { ...outline.summary, children_state: children.map(({ json }) => json) }
}
