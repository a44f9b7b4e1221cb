import { type JsonObject, parseUserId, roomVersionRules, serverOf } from '@starling/protocol'
import type { CheckedPdu, Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { readEvent } from '../store/event-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { type RoomRow, tables } from '../store/tables.ts'
import { membershipOf } from './current-state.ts'
import { type IngestParts, ingestPdu } from './ingest-pdu.ts'
import { cleanStrippedState } from './stripped-state.ts'

/**
 * Keeps the membership of a local user in a room that this server is not in: an invite, a knock, or the end of either. The
 * event is an outlier that nobody here can authorise. Where the room turns out to be joined here, it goes the usual way.
 */
export async function storeOutOfRoomMembership(
  checked: CheckedPdu,
  strippedState: readonly JsonObject[],
  transaction: RoomTransaction,
  registry: RoomRegistry,
  parts: IngestParts,
): Promise<Verdict> {
  const { pdu } = checked
  const { eventId, roomId, sender } = pdu
  if (transaction.head?.servers.has(parts.serverName)) return ingestPdu(checked, transaction, parts)
  const userId = pdu.type === 'm.room.member' ? parseUserId(pdu.stateKey) : undefined
  const membership = membershipOf({ pdu })
  if (!userId || !membership || membership === 'join' || serverOf(userId) !== parts.serverName) {
    return { kind: 'refused', eventId, reason: 'no membership of a local user' }
  }
  const room = await roomRow(checked, transaction, registry)
  if (!room) return { kind: 'refused', eventId, reason: 'a room version that is not known here' }
  const known = await tables.membership.get(transaction, userId, room.number)
  if (known?.eventId === eventId) return { kind: 'duplicate', eventId }
  const stored = await readEvent(transaction, eventId)
  if (stored?.status === 'rejected') return { kind: 'rejected', eventId, reason: stored.reason ?? 'rejected before' }
  // It came before, or while this server was in the room, and comes again since an answer was lost: what the user or the room did about it
  // since is known here, and its place in the DAG is not to be lost.
  if (stored && (stored.after !== undefined || known)) return { kind: 'duplicate', eventId }
  const place = transaction.position()
  place.affects(userId)
  if (!stored) {
    transaction.putEvent({ room: room.number, roomId, version: room.version, status: 'outlier', unjudged: true, pdu })
  }
  const row = { roomId, membership, eventId, sender, position: place.position }
  const stripped = cleanStrippedState(strippedState, pdu)
  transaction.write(
    tables.membership.put([userId, room.number], { ...row, strippedState: stripped }),
    tables.roomMember.put([room.number, userId], membership),
  )
  return { kind: 'outlier', eventId }
}

async function roomRow(
  checked: CheckedPdu,
  transaction: RoomTransaction,
  registry: RoomRegistry,
): Promise<RoomRow | undefined> {
  const known = await registry.get(transaction.roomId)
  if (known) return known
  if (!roomVersionRules(checked.roomVersion)) return undefined
  const { row, operations } = registry.register(transaction.roomId, checked.roomVersion)
  transaction.write(...operations)
  return row
}
