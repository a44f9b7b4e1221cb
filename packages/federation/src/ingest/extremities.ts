import { type EventId, type Pdu, serverOf } from '@starling/protocol'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { hashOf } from '../state/trie-node.ts'
import type { StoredEvent } from '../store/event-store.ts'
import { type BackwardRow, type EventStatus, tables } from '../store/tables.ts'
import { graphParents } from './graph-parents.ts'

/** Rejected and soft-failed ancestors looked through for what has still to be fetched. */
const MAX_LOOKED_THROUGH = 200
/** Children remembered per missing parent; further ones add nothing, since one is enough to hang history on. */
const MAX_CHILDREN = 20
/** Leaves that the current state refuses, kept per room. */
const MAX_DEAD = 100

/**
 * The leaves of the DAG once the event stands in it: those that it stands on go, it comes, unless something stands on it already.
 * Notes where more than one event stands on another, so that a peeling (`settle-extremities.ts`) sees what it lays bare.
 */
export async function leavesWith(event: StoredEvent, transaction: RoomTransaction): Promise<readonly EventId[]> {
  const head = transaction.requireHead()
  const { number } = head
  const leaves = new Set(leavesOf(head))
  let forks = head.forks + (event.late ? 1 : 0)
  const parents = await graphParents(event.pdu, transaction)
  for (const eventId of new Set([...event.pdu.prevEvents, ...parents.keys()])) {
    if (leaves.delete(eventId)) continue
    const known = (await tables.furtherChildren.get(transaction, number, eventId)) ?? 0
    transaction.write(tables.furtherChildren.put([number, eventId], known + 1))
    forks++
  }
  transaction.head = { ...head, forks }
  return event.late ? [...leaves] : [...leaves, event.pdu.eventId]
}

function leavesOf({ dead, extremities, exposed }: RoomHead): readonly EventId[] {
  return [...dead, ...extremities.filter((eventId) => !exposed.includes(eventId))]
}

/** Makes `live` the extremities of the room; those that were it before keep their order, and new ones come behind them. */
export async function changeExtremities(
  leaves: readonly EventId[],
  live: ReadonlySet<EventId>,
  transaction: RoomTransaction,
): Promise<void> {
  const head = transaction.requireHead()
  const kept = head.extremities.filter((eventId) => live.has(eventId))
  const extremities = [...new Set([...kept, ...leaves.filter((eventId) => live.has(eventId)), ...live])]
  const dead = await keptOf(
    leaves.filter((eventId) => !live.has(eventId)),
    transaction,
  )
  const exposed = extremities.filter((eventId) => !leaves.includes(eventId))
  transaction.head = { ...head, extremities, dead, exposed }
}

/**
 * Of dead leaves those that are kept: a function of their set, so that servers keep the same ones. The servers that wrote them
 * take turns, so that one of them cannot push out what others wrote; of one server's, those with the lowest hashes are kept.
 */
async function keptOf(dead: readonly EventId[], transaction: RoomTransaction): Promise<readonly EventId[]> {
  if (dead.length <= MAX_DEAD) return dead
  const events = [...(await transaction.events(dead)).values()]
  const turns = [...Map.groupBy(events, ({ pdu }) => serverOf(pdu.sender)).values()].flatMap((own) =>
    own
      .map(({ pdu: { eventId } }) => ({ eventId, hash: hashOf(eventId) }))
      .sort(byHash)
      .map((one, turn) => ({ ...one, turn })),
  )
  return turns
    .sort((a, b) => a.turn - b.turn || byHash(a, b))
    .slice(0, MAX_DEAD)
    .map(({ eventId }) => eventId)
}

interface Hashed {
  readonly eventId: EventId
  readonly hash: number
}

function byHash(a: Hashed, b: Hashed): number {
  return a.hash - b.hash || (a.eventId < b.eventId ? -1 : 1)
}

/**
 * Does an event that is not rejected name this one as a parent already? Whatever is not here when something comes to stand on it has
 * its children counted from the first on (`leavesWith`), those of refused ones as well; history is not counted, but waited for.
 */
export async function hasChild(eventId: EventId, transaction: RoomTransaction): Promise<boolean> {
  const { number } = transaction.requireHead()
  if ((await tables.furtherChildren.get(transaction, number, eventId)) !== undefined) return true
  const row = await tables.backward.get(transaction, number, eventId)
  if (!row) return false
  const children = await transaction.events(row.children)
  return [...children.values()].some(({ status, after }) => status !== 'rejected' && after !== undefined)
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
