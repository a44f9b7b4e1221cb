import type { AbortOptions, EventId, RoomId } from '@starling/protocol'

/**
 * Asks other members for events before these (the backward extremities) and gives them to `RoomEngine.receiveHistory`.
 * Resolves when that is done or nobody answered in time; never rejects because of a peer.
 */
export type FetchHistory = (
  roomId: RoomId,
  fromEventIds: readonly EventId[],
  limit: number,
  options?: AbortOptions,
) => Promise<void>
