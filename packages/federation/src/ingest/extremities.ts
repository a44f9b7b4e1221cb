import type { EventId, Pdu } from '@starling/protocol'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { type BackwardRow, type EventStatus, tables } from '../store/tables.ts'

/** Rejected and soft-failed ancestors looked through for the extremities that an event supersedes or leads to. */
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

/**
 * The event is in the DAG now: nobody waits for it, and those of its parents that are missing are waited for. Of a rejected
 * or soft-failed event only where an accepted one stands on it: what is before it would be fetched and shown as history
 * otherwise, and who is banned could write there.
 */
export async function moveBackwardExtremities(
  pdu: Pdu,
  status: EventStatus,
  transaction: RoomTransaction,
): Promise<void> {
  const room = transaction.requireHead().number
  const isWaitedFor = (await tables.backward.get(transaction, room, pdu.eventId)) !== undefined
  transaction.write(tables.backward.del([room, pdu.eventId]))
  if (status !== 'accepted' && !isWaitedFor) return
  const open: Pdu[] = [pdu]
  let lookedThrough = 0
  for (let child = open.pop(); child && lookedThrough < MAX_LOOKED_THROUGH; child = open.pop()) {
    lookedThrough++
    const parents = await transaction.events(child.prevEvents)
    for (const eventId of child.prevEvents) {
      const parent = parents.get(eventId)
      if (parent?.after === undefined) await waitFor(eventId, child, transaction)
      else if (parent.status !== 'accepted') open.push(parent.pdu)
    }
  }
}

async function waitFor(eventId: EventId, child: Pdu, transaction: RoomTransaction): Promise<void> {
  const room = transaction.requireHead().number
  const row = await tables.backward.get(transaction, room, eventId)
  const children = [...new Set([...(row?.children ?? []), child.eventId])].slice(0, MAX_CHILDREN)
  const next: BackwardRow = { children, depth: Math.min(row?.depth ?? child.depth, child.depth) }
  transaction.write(tables.backward.put([room, eventId], next))
}
