import type { RoomId, ServerName, UserId } from '@starling/protocol'
import { serverOf, slotKey } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { serversOfStrippedState } from '../membership/candidates.ts'
import type { RoomViews } from '../ports.ts'
import { currentStateEvent, membershipOf } from './state-events.ts'

/**
 * True if the server has to do with the local user: both are in a room, one has invited the other into it, or one
 * knocks on it. Keys are claimed for messages to invited users too, so an invite counts.
 */
export async function sharesRoom(
  parts: { readonly engine: RoomEngine; readonly views: RoomViews },
  server: ServerName,
  userId: UserId,
): Promise<boolean> {
  for (const view of await parts.views.roomsOf(userId)) {
    if (view.membership === 'join') {
      if ((await parts.engine.joinedServers(view.roomId)).has(server)) return true
      if (await isExpected(parts.engine, view.roomId, server)) return true
    } else if (view.membership === 'invite' || view.membership === 'knock') {
      if (serverOf(view.sender) === server || serversOfStrippedState(view.strippedState).has(server)) return true
      const known = (await parts.engine.roomVersion(view.roomId)) !== undefined
      if (known && (await parts.engine.joinedServers(view.roomId)).has(server)) return true
    }
  }
  return false
}

/** True if the server has a user who is in a room with one of this server, is invited to it, or knocks on it. */
export async function isNear(engine: RoomEngine, server: ServerName): Promise<boolean> {
  for (const roomId of await engine.joinedRooms()) {
    if ((await engine.joinedServers(roomId)).has(server) || (await isExpected(engine, roomId, server))) return true
  }
  return false
}

/** A user of the server is invited to the room or knocks on it. */
async function isExpected(engine: RoomEngine, roomId: RoomId, server: ServerName): Promise<boolean> {
  const suffix = `:${server}`
  for (const slot of (await engine.currentState(roomId)).keys()) {
    const { type, stateKey } = slotKey(slot)
    if (type !== 'm.room.member' || !stateKey.endsWith(suffix)) continue
    const membership = membershipOf((await currentStateEvent(engine, roomId, type, stateKey))?.content)
    if (membership === 'invite' || membership === 'knock') return true
  }
  return false
}
