import type { RoomId } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RowSource } from '../store/table.ts'
import { tables } from '../store/tables.ts'

/**
 * Rooms of which some state is another server's word: that before a join, or before an event whose parents nobody gave. What follows
 * from such a state is judged, but not for good. Once the ancestors are here `rejudgeRoom` does it again without that word.
 */
export function noteReported(transaction: RoomTransaction): void {
  const { number, roomId } = transaction.requireHead()
  transaction.write(tables.reportedRoom.put([number], roomId))
}

export async function reportedRooms(source: RowSource): Promise<readonly RoomId[]> {
  const rooms: RoomId[] = []
  for await (const { value } of tables.reportedRoom.scan(source, [])) rooms.push(value)
  return rooms
}
