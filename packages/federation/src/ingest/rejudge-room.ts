import { type EventId, stateSlot } from '@starling/protocol'
import type { Certainty } from '../contracts.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { Bucket } from '../store/buckets.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { decodeKey, encodeKey } from '../store/key-encoding.ts'
import { tables } from '../store/tables.ts'
import { changeCurrentState } from './current-state.ts'
import { changeExtremities, moveBackwardExtremities } from './extremities.ts'
import type { IngestParts } from './ingest-pdu.ts'
import { show } from './place-event.ts'
import { recountChildren } from './recount-children.ts'
import { rejudgeEvents } from './rejudge-events.ts'
import { relationOf } from './relations.ts'
import { revivable } from './revivable.ts'
import { settleExtremities } from './settle-extremities.ts'
import { checkByCurrentState } from './step-6-current-state.ts'

/** Events stored of a room, auth chains among them, up to which it is judged again: half a second of CPU, in slices. */
export const MAX_REJUDGED = 5_000

const CREATE = stateSlot('m.room.create', '')

export async function certaintyOf(transaction: RoomTransaction): Promise<Certainty> {
  const { number } = transaction.requireHead()
  if ((await tables.reportedRoom.get(transaction, number)) === undefined) return 'exact'
  let stored = 0
  for await (const _ of tables.roomEvent.scan(transaction, [number], { limit: MAX_REJUDGED + 1 })) stored++
  return stored > MAX_REJUDGED ? 'too-large' : 'reported'
}

/**
 * Judges a room again, from its create event on, once missing ancestors have come: every verdict and state that followed from what
 * others reported becomes what follows from the events. What was rejected wrongly is shown, what was shown wrongly goes; the
 * extremities and the current state are settled anew. One batch.
 */
export async function rejudgeRoom(transaction: RoomTransaction, parts: IngestParts): Promise<Certainty> {
  const certainty = await certaintyOf(transaction)
  if (certainty !== 'reported') return certainty
  const before = transaction.requireHead()
  const events = await eventsOf(transaction)
  const outcome = await rejudgeEvents(events, before.state.map.get(CREATE), transaction, parts)
  for (const event of outcome.hidden) hide(event, transaction)
  const leaves = await recountChildren(outcome.graph, transaction)
  if (leaves.length === 0) {
    transaction.discard()
    return 'reported'
  }
  const { live, state } = await settleExtremities(leaves, transaction, parts)
  await changeExtremities(leaves, live, transaction)
  for (const event of outcome.revealed) {
    await moveBackwardExtremities(event.pdu, 'soft-failed', transaction)
    const { dead, extremities } = transaction.requireHead()
    const { eventId } = event.pdu
    const isLive = extremities.includes(eventId)
    const isAllowed = isLive || (await checkByCurrentState(event, state, transaction, parts.ed25519)).allowed
    if (isAllowed && !dead.includes(eventId)) await show(event, transaction, parts)
  }
  for (const event of await revivable(before, undefined, state, transaction, parts)) {
    await show(event, transaction, parts)
  }
  const place = transaction.position()
  transaction.head = { ...transaction.requireHead(), lastChange: place.position }
  await changeCurrentState(transaction, state, place)
  if (outcome.isExact) transaction.write(tables.reportedRoom.del([before.number]))
  return outcome.isExact ? 'exact' : 'reported'
}

async function eventsOf(transaction: RoomTransaction): Promise<ReadonlyMap<EventId, StoredEvent>> {
  const rows = await transaction.valuesUnder(encodeKey(Bucket.roomEvent, [transaction.requireHead().number]))
  const ids = [...rows.keys()].map((key) => decodeKey(Buffer.from(key, 'latin1'), ['int', 'text'])[1] as EventId)
  return transaction.events(ids)
}

/** It was shown and should not have been: it leaves the timeline. */
function hide({ pdu, room, order }: StoredEvent, transaction: RoomTransaction): void {
  if (order === undefined) return
  transaction.write(tables.timeline.del([room, order]))
  const relation = relationOf(pdu)
  if (relation) transaction.write(tables.relation.del([room, relation.target, order]))
}
