import type { Endpoint } from '../http/endpoint.ts'
import { createRoom } from './create/create-room.ts'
import type { RoomDeps } from './deps.ts'
import { deleteRoomAlias } from './directory/delete-room-alias.ts'
import { getLocalAliases } from './directory/get-local-aliases.ts'
import { getRoomAlias } from './directory/get-room-alias.ts'
import { getRoomSummary } from './directory/get-room-summary.ts'
import { getPublicRooms, queryPublicRooms } from './directory/public-rooms.ts'
import { getRoomVisibility, setRoomVisibility } from './directory/room-visibility.ts'
import { setRoomAlias } from './directory/set-room-alias.ts'
import { banUser } from './membership/ban-user.ts'
import { forgetRoom } from './membership/forget-room.ts'
import { getJoinedRooms } from './membership/get-joined-rooms.ts'
import { inviteUser } from './membership/invite-user.ts'
import { joinRoom } from './membership/join-room.ts'
import { joinRoomById } from './membership/join-room-by-id.ts'
import { kickUser } from './membership/kick-user.ts'
import { knockRoom } from './membership/knock-room.ts'
import { leaveRoom } from './membership/leave-room.ts'
import { unbanUser } from './membership/unban-user.ts'
import { getEvent } from './reading/get-event.ts'
import { getEventByTimestamp } from './reading/get-event-by-timestamp.ts'
import { getEventContext } from './reading/get-event-context.ts'
import { getJoinedMembers } from './reading/get-joined-members.ts'
import { getMembers } from './reading/get-members.ts'
import { getMessages } from './reading/get-messages.ts'
import { getRoomInitialSync } from './reading/get-room-initial-sync.ts'
import { getRoomState } from './reading/get-room-state.ts'
import { getStateEvent } from './reading/get-state-event.ts'
import { getRelations } from './relations/get-relations.ts'
import { getThreads } from './relations/get-threads.ts'
import { redactEvent } from './sending/redact-event.ts'
import { sendMessageEvent } from './sending/send-message-event.ts'
import { setState } from './sending/set-state.ts'
import { getSpaceHierarchy } from './spaces/get-space-hierarchy.ts'
import { upgradeRoom } from './upgrade/upgrade-room.ts'

/** Client-Server API, "Rooms" and "Events" (but for /sync), with the modules that work on a room's events. */
const OPERATIONS: readonly ((deps: RoomDeps) => Endpoint)[] = [
  createRoom,
  joinRoom,
  joinRoomById,
  knockRoom,
  leaveRoom,
  forgetRoom,
  inviteUser,
  kickUser,
  banUser,
  unbanUser,
  getJoinedRooms,
  sendMessageEvent,
  redactEvent,
  setState,
  getEvent,
  getEventContext,
  getEventByTimestamp,
  getMessages,
  getMembers,
  getJoinedMembers,
  getRoomState,
  getStateEvent,
  getRoomInitialSync,
  getRelations,
  getThreads,
  setRoomAlias,
  getRoomAlias,
  deleteRoomAlias,
  getLocalAliases,
  getRoomVisibility,
  setRoomVisibility,
  getPublicRooms,
  queryPublicRooms,
  getRoomSummary,
  getSpaceHierarchy,
  upgradeRoom,
]

export function roomEndpoints(deps: RoomDeps): Endpoint[] {
  return OPERATIONS.map((operation) => operation(deps))
}
