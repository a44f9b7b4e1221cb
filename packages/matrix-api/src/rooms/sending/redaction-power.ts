import type { EventId, RoomId, UserId } from '@starling/protocol'
import { MatrixError } from '../../http/matrix-error.ts'
import type { RoomReader } from '../../ports.ts'
import { currentPower } from '../power.ts'

/**
 * Whether a user may redact an event (Client-Server API, "Redactions"): their own always, others' by the `redact` level, else
 * 403. An event that is not in this room is 404. Whether they may send redactions at all is the engine's check. Stricter
 * than the rule between servers, which cannot tell the users of one server apart.
 */
export async function requireRedactable(
  reader: RoomReader,
  roomId: RoomId,
  userId: UserId,
  eventId: EventId,
): Promise<void> {
  const target = await reader.event(roomId, eventId)
  if (!target) throw new MatrixError(404, 'M_NOT_FOUND', 'There is no such event in this room')
  if (target.pdu.sender === userId) return
  const power = await currentPower(reader, roomId)
  if (!power || power.levels.user(userId) < power.levels.named('redact')) {
    throw new MatrixError(403, 'M_FORBIDDEN', 'You may not redact that event')
  }
}
