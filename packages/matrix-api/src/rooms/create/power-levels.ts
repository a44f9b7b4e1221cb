import type { JsonObject, RoomVersionRules, UserId } from '@starling/protocol'
import type { Preset } from './create-room-input.ts'

/** Levels of the roles that clients show. */
const MODERATOR = 50
const ADMIN = 100

/** Above every admin, so that in version 12 only creators can end a room (the spec asks for more than `state_default`). */
const CREATORS_ONLY = 150

/** Client-Server API, `POST /createRoom`, step 3. */
export function defaultPowerLevels(
  preset: Preset,
  creator: UserId,
  trusted: readonly UserId[],
  rules: RoomVersionRules,
): JsonObject {
  // Version 12's creators have infinite power and may not be named.
  const admins = rules.auth.privilegedCreators ? [] : [creator, ...trusted]
  return {
    users: Object.fromEntries(admins.map((user) => [user, ADMIN])),
    users_default: 0,
    events: {
      'm.room.name': MODERATOR,
      'm.room.avatar': MODERATOR,
      'm.room.canonical_alias': MODERATOR,
      'm.room.power_levels': ADMIN,
      'm.room.history_visibility': ADMIN,
      'm.room.encryption': ADMIN,
      'm.room.server_acl': ADMIN,
      'm.room.tombstone': rules.auth.privilegedCreators ? CREATORS_ONLY : ADMIN,
    },
    events_default: 0,
    state_default: MODERATOR,
    ban: MODERATOR,
    kick: MODERATOR,
    redact: MODERATOR,
    // Among people who know each other anybody may bring somebody; in public the moderators decide.
    invite: preset === 'public_chat' ? MODERATOR : 0,
  }
}
