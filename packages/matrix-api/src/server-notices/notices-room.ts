import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import type { AccountDataStore } from '../account-data/account-data-store.ts'
import type { CreateRoom, RoomReader, Rooms } from '../ports.ts'

export interface NoticesRoomDeps {
  readonly rooms: Pick<Rooms, 'defaultVersion' | 'create' | 'changeMembership'>
  readonly reader: Pick<RoomReader, 'membership'>
  readonly accountData: Pick<AccountDataStore, 'update'>
}

/** The tag by which clients know the room (Client-Server API, "Server Notices"). */
const TAG = 'm.server_notice'

const NAME = 'Notices from this node'

/** Who writes in a notices room: above everybody else's 0, and below what changes the room. */
const NOTICE_LEVEL = 50

/** The room as the node makes it: only the node writes there, and nobody but the node asks others in. */
export function noticesRoom(system: UserId, displayName: string, roomVersion: string): CreateRoom {
  const state = (type: string, content: JsonObject) => ({ type, stateKey: '', content })
  return {
    creator: system,
    roomVersion,
    creationContent: {},
    events: [
      { type: 'm.room.member', stateKey: system, content: { membership: 'join', displayname: displayName } },
      state('m.room.power_levels', powerLevels(system, roomVersion)),
      state('m.room.join_rules', { join_rule: 'invite' }),
      state('m.room.history_visibility', { history_visibility: 'shared' }),
      state('m.room.guest_access', { guest_access: 'forbidden' }),
      state('m.room.name', { name: NAME }),
      state('m.room.topic', { topic: 'What the server that your account is on has to tell you' }),
    ],
  }
}

/** From version 12 on the creator stands above all levels and may not be named in them. */
function powerLevels(system: UserId, roomVersion: string): JsonObject {
  const named: JsonObject = Number(roomVersion) >= 12 ? {} : { [system]: 100 }
  return {
    users: named,
    users_default: 0,
    events: {},
    events_default: NOTICE_LEVEL,
    state_default: 100,
    invite: 100,
    kick: 100,
    ban: 100,
    redact: 100,
  }
}

/**
 * Asks the user in, and tags the room, where that has not been done: after the first need, and again for who has left and is
 * to be told something new.
 */
export async function inviteToNotices(
  deps: NoticesRoomDeps,
  system: UserId,
  userId: UserId,
  roomId: RoomId,
): Promise<void> {
  await deps.accountData.update(userId, roomId, 'm.tag', (content) => {
    const tags = (content?.tags ?? {}) as JsonObject
    return Object.hasOwn(tags, TAG) ? undefined : { tags: { ...tags, [TAG]: {} } }
  })
  const membership = (await deps.reader.membership(roomId, userId))?.membership
  if (membership === 'join' || membership === 'invite') return
  await deps.rooms.changeMembership({ roomId, sender: system, target: userId, membership: 'invite' })
}
