import type { EventId, Pdu } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { type BackwardRow, tables } from '../store/tables.ts'

/** Rejected and soft-failed ancestors looked through for the extremities that an event supersedes. */
const MAX_LOOKED_THROUGH = 200
/** Children remembered per missing parent; further ones add nothing, since one is enough to hang history on. */
const MAX_CHILDREN = 20

/**
 * Forward extremities once `pdu` is accepted: those it stands on go, also where only rejected or soft-failed events lie
 * between; it comes, unless an accepted event names it as a parent already.
 */
export async function nextExtremities(pdu: Pdu, transaction: RoomTransaction): Promise<readonly EventId[]> {
  const before = transaction.head?.extremities ?? []
  const superseded = await supersededBy(pdu, transaction)
  const kept = before.filter((eventId) => !superseded.has(eventId))
  return (await hasAcceptedChild(pdu.eventId, transaction)) ? kept : [...kept, pdu.eventId]
}

async function supersededBy(pdu: Pdu, transaction: RoomTransaction): Promise<ReadonlySet<EventId>> {
  const superseded = new Set<EventId>(pdu.prevEvents)
  let frontier: readonly EventId[] = pdu.prevEvents
  while (frontier.length > 0 && superseded.size < MAX_LOOKED_THROUGH) {
    const events = await transaction.events(frontier)
    frontier = [...events.values()]
      .filter(({ status }) => status === 'rejected' || status === 'soft-failed')
      .flatMap((event) => event.pdu.prevEvents)
      .filter((eventId) => !superseded.has(eventId))
    for (const eventId of frontier) superseded.add(eventId)
  }
  return superseded
}

async function hasAcceptedChild(eventId: EventId, transaction: RoomTransaction): Promise<boolean> {
  const row = await tables.backward.get(transaction, transaction.requireHead().number, eventId)
  if (!row) return false
  const children = await transaction.events(row.children)
  return [...children.values()].some(({ status }) => status === 'accepted')
}

/** The event is in the DAG now: nobody waits for it, and those of its parents that are missing are waited for. */
export async function moveBackwardExtremities(pdu: Pdu, transaction: RoomTransaction): Promise<void> {
  const room = transaction.requireHead().number
  transaction.write(tables.backward.del([room, pdu.eventId]))
  const parents = await transaction.events(pdu.prevEvents)
  for (const eventId of pdu.prevEvents) {
    if (parents.get(eventId)?.after !== undefined) continue
    const row = await tables.backward.get(transaction, room, eventId)
    const children = [...new Set([...(row?.children ?? []), pdu.eventId])].slice(0, MAX_CHILDREN)
    const next: BackwardRow = { children, depth: Math.min(row?.depth ?? pdu.depth, pdu.depth) }
    transaction.write(tables.backward.put([room, eventId], next))
  }
}
