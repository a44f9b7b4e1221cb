import { parseUserId, type ServerName, slotKey } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { memberSlotsOf } from '../state/member-slots.ts'
import { tables } from '../store/tables.ts'
import { membershipOf } from './current-state.ts'

/**
 * A room that was left is entered again: what this server's users were told from outside it meanwhile (an invite, say) gives way to
 * what the state says of them, also where that is what it said when the room was left.
 */
export async function followLocalMembers(transaction: RoomTransaction, serverName: ServerName): Promise<void> {
  const { number, roomId, state } = transaction.requireHead()
  const place = transaction.position()
  for (const slot of memberSlotsOf(serverName, state.map)) {
    const userId = parseUserId(slotKey(slot).stateKey)
    const eventId = state.map.get(slot)
    const event = eventId === undefined ? undefined : await transaction.event(eventId)
    const membership = event && membershipOf(event)
    if (!userId || !event || !membership) continue
    const shown = await tables.membership.get(transaction, userId, number)
    if (shown?.eventId === eventId) continue
    const { eventId: by, sender } = event.pdu
    place.affects(userId)
    transaction.write(
      tables.membership.put([userId, number], { roomId, membership, eventId: by, sender, position: place.position }),
      tables.roomMember.put([number, userId], membership),
    )
  }
}
