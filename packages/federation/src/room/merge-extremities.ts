import { type EventId, serverOf, type UserId } from '@starling/protocol'
import { MERGE_EVENT_TYPE } from '../ingest/merge-event.ts'
import { tables } from '../store/tables.ts'
import { type LocalEventParts, placeLocalEvent } from './local-events.ts'
import { RoomError } from './room-error.ts'
import type { RoomTransaction } from './room-transaction.ts'

/** A room with no more is left alone: the next message joins them. */
export const MANY_EXTREMITIES = 10
/** Local users in whose name it is tried. */
const MAX_SENDERS = 10

/** Joins up to 20 forward extremities by an event that no client sees. Undefined where there are few, or no local user may send it. */
export async function mergeExtremities(
  transaction: RoomTransaction,
  parts: LocalEventParts,
): Promise<EventId | undefined> {
  const { head } = transaction
  if (!head?.servers.has(parts.keys.serverName) || head.extremities.length <= MANY_EXTREMITIES) return undefined
  for (const sender of await localMembers(transaction, parts)) {
    try {
      const { eventId } = await placeLocalEvent({ sender, type: MERGE_EVENT_TYPE, content: {} }, transaction, parts)
      return eventId
    } catch (error) {
      if (!(error instanceof RoomError) || error.code !== 'forbidden') throw error
    }
  }
  transaction.discard()
  return undefined
}

async function localMembers(transaction: RoomTransaction, { keys }: LocalEventParts): Promise<UserId[]> {
  const users: UserId[] = []
  for await (const { key, value } of tables.roomMember.scan(transaction, [transaction.requireHead().number])) {
    if (value === 'join' && serverOf(key[1]) === keys.serverName) users.push(key[1])
    if (users.length === MAX_SENDERS) break
  }
  return users
}
