import {
  type BatchOperation,
  type EventId,
  parseUserId,
  roomVersionRules,
  type ServerName,
  type StateSlot,
  serverOf,
  stateSlot,
} from '@starling/protocol'
import { breathe } from '../breathe.ts'
import type { StagedImport, Verdict } from '../contracts.ts'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { emptyMap, PersistentMap } from '../state/persistent-map.ts'
import { type SharedStateMap, stateDelta } from '../state/state-store.ts'
import type { Database } from '../store/database.ts'
import type { StoredEvent } from '../store/event-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import { tables } from '../store/tables.ts'
import { membershipOf } from './current-state.ts'
import { newRoomHead } from './import-room.ts'
import type { IngestParts } from './ingest-pdu.ts'
import { followLocalMembers } from './local-members.ts'
import { placeEvent } from './place-event.ts'
import { noteReported } from './reported-rooms.ts'
import { checkByAuthEvents } from './step-4-auth-events.ts'
import { checkByState } from './step-5-state-before.ts'

const CREATE = stateSlot('m.room.create', '')

/** Events of the state read at a time; between two readings others have their turn. */
const BATCH = 250
/** Rows of members that wait in memory; those of a room with no more go with its last batch, and cost no flush of their own. */
const MEMBER_ROWS = 2_500

interface StagedParts extends IngestParts {
  readonly database: Database
}

interface Gathered {
  readonly map: SharedStateMap
  readonly joined: number
  readonly invited: number
  readonly servers: RoomHead['servers']
  /** Member events of this server's own users: their rows wait for the last batch, which wakes their syncs. */
  readonly own: readonly StoredEvent[]
  /** Member rows that are not written yet. */
  readonly rows: readonly BatchOperation[]
}

/**
 * Enters a room whose state is staged: the last batch makes it joined, and holds the head, the join, the rows of servers and
 * of this server's own users. What grows with the members (their rows) goes before where it is much, in batches of its own, which mean
 * nothing until then, and which `abandonStagedRoom` takes away if it does not come to that. What was rejected
 * while it was staged does not enter the state; the join has to pass by its auth events and by that state.
 */
export async function importStagedRoom(
  room: StagedImport,
  transaction: RoomTransaction,
  registry: RoomRegistry,
  parts: StagedParts,
): Promise<Verdict> {
  const { pdu } = room.event
  const refused = (reason: string): Verdict => {
    transaction.discard()
    return { kind: 'refused', eventId: pdu.eventId, reason }
  }
  const rules = roomVersionRules(room.roomVersion)
  const known = await registry.get(room.roomId)
  if (!rules || room.event.roomVersion !== rules.version) return refused('a room version that is not known here')
  if (pdu.roomId !== room.roomId || known?.version !== rules.version) return refused('a join of another room')
  if (transaction.head?.servers.has(parts.serverName)) return refused('the room is joined here already')
  const isNew = transaction.head === undefined
  const state = await gather(room, transaction, isNew ? { ...parts, number: known.number } : undefined, parts)
  if (typeof state === 'string') return refused(state)
  if (state.map.get(CREATE) !== room.createId) return refused('no create event of this room in the state')
  const byAuthEvents = await checkByAuthEvents(pdu, rules, transaction, parts.ed25519)
  if (byAuthEvents.kind !== 'allowed') return refused('the join is not allowed by its auth events')
  const byState = await checkByState(pdu, state.map, rules, transaction, parts.ed25519)
  if (!byState.allowed) return refused(`the join is not allowed by the state: ${byState.code}`)
  if (transaction.head) {
    const { head } = transaction
    transaction.head = { ...head, rules, extremities: [], dead: [], exposed: [] }
    noteReported(transaction)
    const before = transaction.deriveState(head.state, stateDelta(head.state.map, state.map))
    const verdict = await placeEvent({ pdu, before, status: 'accepted' }, transaction, parts)
    await followLocalMembers(transaction, parts.serverName)
    return verdict
  }
  transaction.head = newRoomHead(transaction, known.number, rules)
  noteReported(transaction)
  const before = await transaction.deriveWholeState(state.map)
  const { joined, invited, servers, rows } = state
  transaction.head = { ...transaction.requireHead(), state: before, joined, invited, servers }
  for (const [server, users] of servers) transaction.write(tables.joinedServer.put([known.number, server], users))
  transaction.write(...rows)
  showOwnMembers(state.own, transaction)
  return placeEvent({ pdu, before, status: 'accepted' }, transaction, parts)
}

/** Reads the state's events; in a room that is new here (`fresh`) counts its members and writes their rows. */
async function gather(
  { state, roomId }: StagedImport,
  transaction: RoomTransaction,
  fresh: { readonly database: Database; readonly number: StoredEvent['room'] } | undefined,
  { serverName }: StagedParts,
): Promise<Gathered | string> {
  let map: SharedStateMap = emptyMap()
  const servers = new Map<ServerName, number>()
  const own: StoredEvent[] = []
  const counts = { join: 0, invite: 0, leave: 0, ban: 0, knock: 0 }
  // Batches become durable in order, so the room's last one comes after all of these; what waits in memory stays one batch.
  let before = Promise.resolve()
  let rows: BatchOperation[] = []
  for (let start = 0; start < state.length; start += BATCH) {
    if (start > 0) await breathe()
    const ids = state.slice(start, start + BATCH)
    const events = await transaction.events(ids)
    const entries = new Map<StateSlot, EventId>()
    for (const id of ids) {
      const event = events.get(id)
      if (!event) return 'an event of the state is not staged'
      if (event.status === 'rejected') continue
      if (event.roomId !== roomId || event.pdu.stateKey === undefined) return 'what is no state of the room is in it'
      const slot = stateSlot(event.pdu.type, event.pdu.stateKey)
      if (map.has(slot) || entries.has(slot)) return 'two events hold the same place in the state'
      entries.set(slot, id)
      const userId = event.pdu.type === 'm.room.member' ? parseUserId(event.pdu.stateKey) : undefined
      const membership = userId && membershipOf(event)
      if (!fresh || !userId || !membership) continue
      counts[membership]++
      const server = serverOf(userId)
      if (membership === 'join') servers.set(server, (servers.get(server) ?? 0) + 1)
      if (server === serverName) own.push(event)
      else {
        const row = { roomId, membership, eventId: id, sender: event.pdu.sender, position: 0 }
        rows.push(tables.membership.put([userId, fresh.number], row))
        rows.push(tables.roomMember.put([fresh.number, userId], membership))
      }
    }
    // Grown with each batch: made at once, the tree of a large room would hold everything up.
    map = map.with(entries)
    if (!fresh || rows.length <= MEMBER_ROWS) continue
    const written = fresh.database.submit(rows)
    rows = []
    await before
    before = written
  }
  return { map, joined: counts.join, invited: counts.invite, servers: PersistentMap.from(servers), own, rows }
}

/** Other users of this server whom the state speaks of (invited, say): their clients hear of it with the join. */
function showOwnMembers(own: readonly StoredEvent[], transaction: RoomTransaction): void {
  if (own.length === 0) return
  const { number, roomId } = transaction.requireHead()
  const place = transaction.position()
  for (const event of own) {
    const userId = parseUserId(event.pdu.stateKey)
    const membership = membershipOf(event)
    if (!userId || !membership) continue
    place.affects(userId)
    const { eventId, sender } = event.pdu
    transaction.write(
      tables.membership.put([userId, number], { roomId, membership, eventId, sender, position: place.position }),
      tables.roomMember.put([number, userId], membership),
    )
  }
}
