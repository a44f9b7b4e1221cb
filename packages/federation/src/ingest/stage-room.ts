import { roomVersionRules } from '@starling/protocol'
import type { CheckedPdu, StagedRoom, Verdict } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import type { IngestParts } from './ingest-pdu.ts'
import { numberRoom } from './number-room.ts'
import { storeOutliers } from './store-outlier.ts'

/**
 * Takes in a part of the state and auth chains of a room that is being entered: each event is judged by its own auth events,
 * which have to be here already or among these. Until `importStagedRoom` the room has no DAG, so nobody sees them.
 */
export async function stageEvents(
  room: StagedRoom,
  events: readonly CheckedPdu[],
  transaction: RoomTransaction,
  registry: RoomRegistry,
  { ed25519 }: IngestParts,
): Promise<readonly Verdict[]> {
  const rules = roomVersionRules(room.roomVersion)
  if (!rules) {
    return events.map(({ pdu: { eventId } }) => ({ kind: 'refused', eventId, reason: 'a room version not known here' }))
  }
  const numbered = await numberRoom(rules, transaction, registry)
  const verdicts = await storeOutliers(events, transaction, { ...numbered, createId: room.createId }, ed25519)
  return events.map(
    ({ pdu: { eventId } }) => verdicts.get(eventId) ?? { kind: 'refused', eventId, reason: 'not in order' },
  )
}
