import type { RoomId, UserId } from '@starling/protocol'
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
  const floor = Math.max(50, power.levels.named('users_default') + 1)
  const raised = {
    events_default: Math.max(floor, power.levels.named('events_default')),
    invite: Math.max(floor, power.levels.named('invite')),
  }
  // Nobody may set a level above their own.
  if (Math.max(raised.events_default, raised.invite) > power.levels.user(userId)) return
  const content = { ...current, ...raised }
  await deps.rooms.send({ roomId, sender: userId, type: 'm.room.power_levels', stateKey: '', content })
}
