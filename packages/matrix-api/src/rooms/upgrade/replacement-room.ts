import type { JsonObject, RoomId, RoomVersionRules, UserId } from '@starling/protocol'
import type { CreateRoom, RoomEvent, RoomReader } from '../../ports.ts'
import { numberIn, objectIn } from '../content.ts'
import { creationContent } from '../create/creation-content.ts'

/** State that goes with a room, in the order in which it is sent (the spec's list; power levels first, as at creation). */
const TRANSFERRED = [
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.encryption',
  'm.room.server_acl',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
] as const

export interface Upgrade {
  readonly roomId: RoomId
  readonly create: RoomEvent
  readonly userId: UserId
  readonly rules: RoomVersionRules
  readonly creators: readonly UserId[]
}

/** The room that replaces another: its `predecessor`, its type, and the state that goes with it. */
export async function replacementRoom(reader: RoomReader, upgrade: Upgrade): Promise<CreateRoom> {
  const { roomId, create, userId, rules, creators } = upgrade
  const { type, 'm.federate': federate } = create.pdu.content
  const given = {
    ...(type !== undefined && { type }),
    ...(federate !== undefined && { 'm.federate': federate }),
    predecessor: { room_id: roomId },
  }
  const events = []
  for (const stateType of TRANSFERRED) {
    const event = await reader.stateEvent(roomId, stateType, '')
    if (!event || event.redactedBecause) continue
    const { content } = event.pdu
    const isPowerLevels = stateType === 'm.room.power_levels'
    events.push({
      type: stateType,
      stateKey: '',
      content: isPowerLevels ? transferredPower(content, userId, creators, rules) : content,
    })
  }
  return {
    creator: userId,
    roomVersion: rules.version,
    creationContent: creationContent(given, creators, userId, rules),
    events,
  }
}

/**
 * Power levels as the new version wants them: in version 12 its creators are not named and the tombstone is kept to them;
 * before that, who upgrades must be able to set everything up, as the creator of any room is.
 */
function transferredPower(
  content: JsonObject,
  userId: UserId,
  creators: readonly UserId[],
  rules: RoomVersionRules,
): JsonObject {
  const users = { ...objectIn(content, 'users') }
  if (!rules.auth.privilegedCreators) {
    return { ...content, users: { ...users, [userId]: Math.max(100, numberIn(users, userId) ?? 0) } }
  }
  for (const creator of [userId, ...creators]) delete users[creator]
  const tombstone = Math.max(150, (numberIn(content, 'state_default') ?? 50) + 1)
  return { ...content, users, events: { ...objectIn(content, 'events'), 'm.room.tombstone': tombstone } }
}
