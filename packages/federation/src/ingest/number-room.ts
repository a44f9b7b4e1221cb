import type { RoomVersionRules } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { type RoomNumber, tables } from '../store/tables.ts'

/**
 * The number of a room that is being entered, given now if it has none. Its version becomes what the members say, whatever
 * an earlier invite claimed; a room whose DAG is here keeps its own.
 */
export async function numberRoom(
  rules: RoomVersionRules,
  transaction: RoomTransaction,
  registry: RoomRegistry,
): Promise<{ readonly number: RoomNumber; readonly rules: RoomVersionRules }> {
  const { roomId } = transaction
  const known = await registry.get(roomId)
  if (known?.version === rules.version) return { number: known.number, rules }
  if (known && transaction.head) return { number: known.number, rules: transaction.head.rules }
  if (known) {
    const row = { number: known.number, version: rules.version }
    transaction.write(tables.room.put([roomId], row))
    transaction.whenSubmitted(() => registry.remember(roomId, row))
    return { number: known.number, rules }
  }
  const { row, operations } = registry.register(roomId, rules.version)
  transaction.write(...operations)
  return { number: row.number, rules }
}
