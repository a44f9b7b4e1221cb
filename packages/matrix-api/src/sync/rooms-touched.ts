import type { RoomId } from '@starling/protocol'
import type { Position, StreamPositions } from '../ports.ts'

/**
 * Rooms in which anything happened after `since`: events, state, receipts, typing. It is what a sync looks at instead of all
 * of a user's rooms, so that a wake costs by what changed. Undefined where the node no longer remembers that far (or was
 * restarted meanwhile): then every room has to be looked at.
 */
export async function roomsTouched(
  positions: StreamPositions,
  since: Position,
): Promise<ReadonlySet<RoomId> | undefined> {
  const touched = new Set<RoomId>()
  const collect = ({ rooms }: { readonly rooms?: readonly RoomId[] }) => {
    for (const roomId of rooms ?? []) touched.add(roomId)
    return false
  }
  // Without time to wait, what is remembered is asked about and nothing more; "news" is then said only of what is forgotten.
  const forgotten = await positions.wait(since, collect, { timeoutMs: 0 })
  return forgotten ? undefined : touched
}
