import { type EventId, type StateSlot, stateSlot } from '@starling/protocol'
import { citationsOf } from '../ingest/note-citations.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import type { StoredEvent } from '../store/event-store.ts'

/** The part of a room's state on which several states agree. */
export interface AgreedState {
  get(slot: StateSlot): EventId | undefined
  values(): Iterable<EventId>
  /** An upper bound of the number of events. */
  readonly size: number
}

/** Events walked from those that most likely stand on what is asked about, before citations are looked up. */
const MAX_LIKELY = 500
/** Citations followed for one question, before all auth chains are walked after all. */
const MAX_CITATIONS = 20_000
const BATCH = 500
/** A state of so few events for each one asked about is walked at once: citations would cost as much. */
const FEW = 4

const POWER_LEVELS = stateSlot('m.room.power_levels', '')
const JOIN_RULES = stateSlot('m.room.join_rules', '')

/**
 * Those of `ids` that are in the auth chain of an agreed event. Plainly that is a walk through all the chains of the room's state;
 * here it is asked from the other end. First down from where it is likely (what holds an event's slot now, mostly stands on
 * what held it before), then up along the noted citations, which ends at what nobody agreed on. Only where those are not
 * noted, for what came with a whole room at once, the chains are walked.
 */
export async function authorisingAgreed(
  ids: ReadonlySet<EventId>,
  agreed: AgreedState,
  transaction: RoomTransaction,
): Promise<ReadonlySet<EventId>> {
  const open = new Set(ids)
  const isSmall = agreed.size <= FEW * ids.size
  if (!isSmall) await walkDown(await likelyHolders(ids, agreed, transaction), open, transaction, MAX_LIKELY)
  if (isSmall || !(await followCitations(open, agreed, transaction))) {
    await walkDown(agreed.values(), open, transaction, Number.POSITIVE_INFINITY)
  }
  return new Set([...ids].filter((id) => !open.has(id)))
}

/** Takes out of `open` what is in the auth chains of these events; ends when nothing is left, or `limit` events were walked. */
async function walkDown(
  from: Iterable<EventId>,
  open: Set<EventId>,
  transaction: RoomTransaction,
  limit: number,
): Promise<void> {
  const queue = [...from]
  const seen = new Set(queue)
  for (let walked = 0; walked < queue.length && walked < limit && open.size > 0; ) {
    const batch = queue.slice(walked, walked + BATCH)
    walked += batch.length
    for (const { pdu } of (await transaction.events(batch)).values()) {
      for (const auth of pdu.authEvents) {
        open.delete(auth)
        if (seen.has(auth)) continue
        seen.add(auth)
        queue.push(auth)
      }
    }
  }
}

async function likelyHolders(
  ids: ReadonlySet<EventId>,
  agreed: AgreedState,
  transaction: RoomTransaction,
): Promise<ReadonlySet<EventId>> {
  const slots = new Set<StateSlot>([POWER_LEVELS, JOIN_RULES])
  for (const { pdu } of (await transaction.events(ids)).values()) slots.add(slotOf(pdu))
  return new Set([...slots].flatMap((slot) => agreed.get(slot) ?? []))
}

/** Takes out of `open` what an agreed event stands on. False where citations are not noted, or too many: nothing is sure then. */
async function followCitations(
  open: Set<EventId>,
  agreed: AgreedState,
  transaction: RoomTransaction,
): Promise<boolean> {
  // Events from which no citation leads to an agreed one.
  const ends = new Set<EventId>()
  let followed = 0
  let sure = true
  for (const [eventId, event] of await transaction.events(open)) {
    const reached = new Map<EventId, boolean>([[eventId, event.tracked === true]])
    let found = false
    for (const [next, tracked] of reached) {
      if (!tracked || followed > MAX_CITATIONS) break
      for (const citation of await citationsOf(next, transaction)) {
        followed++
        found ||= agreed.get(citation.slot) === citation.eventId
        if (!ends.has(citation.eventId)) reached.set(citation.eventId, citation.tracked)
      }
      if (found) break
    }
    const isWhole = followed <= MAX_CITATIONS && ![...reached.values()].includes(false)
    if (found) open.delete(eventId)
    else if (isWhole) for (const end of reached.keys()) ends.add(end)
    else sure = false
  }
  return sure
}

function slotOf({ type, stateKey }: StoredEvent['pdu']): StateSlot {
  return stateSlot(type, stateKey ?? '')
}
