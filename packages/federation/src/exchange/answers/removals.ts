import type { JsonObject, Pdu, RoomId, ServerName } from '@starling/protocol'
import { serverOf } from '@starling/protocol'
import { memberSlotsOf } from '../../state/member-slots.ts'
import { membershipOf } from '../access/state-events.ts'
import { limits } from '../limits.ts'
import type { AnswerParts } from './answer-parts.ts'
import { load } from './state-answer.ts'

/**
 * What a server that takes itself for a member is told that is none by this server's state: the kicks and bans of its own
 * users. What led to them it may ask for (decision 0014), so it sees its own removal and nothing later. Empty where nobody removed it (a
 * stranger, or its users left by themselves): it is told nothing then, not even that the room is here.
 */
export async function removalsOf(
  parts: AnswerParts,
  roomId: RoomId,
  server: ServerName,
): Promise<readonly JsonObject[]> {
  const state = await parts.engine.currentState(roomId)
  const ids = memberSlotsOf(server, state).flatMap((slot) => state.get(slot) ?? [])
  const members = await load(parts, ids.slice(0, limits.membersToldOf))
  const removals = members.filter((event) => isRemovalOf(event, server)).slice(-limits.removalsTold)
  return parts.carrier.pack(removals)
}

/** A kick or a ban of one of the server's users by somebody else. */
export function isRemovalOf({ type, sender, stateKey, content }: Pdu, server: ServerName): boolean {
  if (type !== 'm.room.member' || stateKey === undefined || sender === stateKey) return false
  const membership = membershipOf(content)
  return (membership === 'leave' || membership === 'ban') && serverOf(stateKey as Pdu['sender']) === server
}
