import type { JsonObject, RoomId, UserId } from '@starling/protocol'
import { numberIn } from '../content.ts'
import type { RoomDeps } from '../deps.ts'
import { currentPower } from '../power.ts'

/**
 * Points the old room to the new one and, where the user may, lets nobody but moderators write there any more ("Room
 * Upgrades", steps 5 and 6).
 */
export async function closeRoom(deps: RoomDeps, roomId: RoomId, newRoomId: RoomId, userId: UserId): Promise<void> {
  await deps.rooms.send({
    roomId,
    sender: userId,
    type: 'm.room.tombstone',
    stateKey: '',
    content: { body: 'This room has been replaced', replacement_room: newRoomId },
  })
  const power = await currentPower(deps.reader, roomId)
  if (!power || power.levels.user(userId) < power.levels.event('m.room.power_levels', true)) return
  const current = (await deps.reader.stateEvent(roomId, 'm.room.power_levels', ''))?.pdu.content ?? {}
  const content = silenced(current)
  // Nobody may set a level above their own.
  const highest = Math.max(numberIn(content, 'events_default') ?? 0, numberIn(content, 'invite') ?? 0)
  if (highest > power.levels.user(userId)) return
  await deps.rooms.send({ roomId, sender: userId, type: 'm.room.power_levels', stateKey: '', content })
}

function silenced(content: JsonObject): JsonObject {
  const floor = Math.max(50, (numberIn(content, 'users_default') ?? 0) + 1)
  return {
    ...content,
    events_default: Math.max(floor, numberIn(content, 'events_default') ?? 0),
    invite: Math.max(floor, numberIn(content, 'invite') ?? 0),
  }
}
