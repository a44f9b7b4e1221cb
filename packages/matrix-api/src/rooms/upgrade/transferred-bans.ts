import type { RoomId, UserId } from '@starling/protocol'
import type { CreateRoom, RoomReader } from '../../ports.ts'
import { membershipIn, stringIn } from '../content.ts'
import { stateEvents } from '../state-reading.ts'

/**
 * Bans of a room for the one that replaces it, so that who was thrown out is not let in by an upgrade. Their sender is who upgrades, as
 * the spec's reason against other memberships (nobody can speak for others' servers) is none against a ban. They are to come before
 * the power levels: later the banned may have as much power as who bans them. A creator of the new room cannot be banned.
 */
export async function transferredBans(
  reader: RoomReader,
  roomId: RoomId,
  creators: readonly UserId[],
): Promise<CreateRoom['events'][number][]> {
  const state = await reader.currentState(roomId)
  const members = await stateEvents(reader, roomId, state, (type) => type === 'm.room.member')
  return members.flatMap((member) => {
    const { stateKey: target, content } = member.pdu
    if (target === undefined || membershipIn(member) !== 'ban' || creators.includes(target as UserId)) return []
    const reason = stringIn(content, 'reason')
    const ban = { membership: 'ban', ...(reason !== undefined && { reason }) }
    return [{ type: 'm.room.member', stateKey: target, content: ban }]
  })
}
