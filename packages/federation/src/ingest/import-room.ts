import { type EventId, type RoomVersionRules, roomVersionRules, stateSlot } from '@starling/protocol'
import type { RoomImport, Verdict } from '../contracts.ts'
import type { RoomHead } from '../room/room-head.ts'
import type { RoomTransaction } from '../room/room-transaction.ts'
import { emptyMap } from '../state/persistent-map.ts'
import { EMPTY_STATE, FIRST_STATE_ID } from '../state/state-store.ts'
import type { RoomRegistry } from '../store/room-registry.ts'
import type { RoomNumber } from '../store/tables.ts'
import { type IngestParts, ingestPdu } from './ingest-pdu.ts'
import { followLocalMembers } from './local-members.ts'
import { numberRoom } from './number-room.ts'
import { placeEvent } from './place-event.ts'
import { noteReported } from './reported-rooms.ts'
import { reportedState } from './reported-state.ts'
import { checkByAuthEvents } from './step-4-auth-events.ts'
import { checkByState } from './step-5-state-before.ts'
import { type OutlierRoom, storeOutliers } from './store-outlier.ts'

const CREATE = stateSlot('m.room.create', '')

/**
 * Enters a room by a join that another server accepted (server-server API, "Joining Rooms"). Nothing of the answer is
 * believed: each event is judged by its auth events, what fails does not enter the state, and the join itself has to pass
 * by its auth events and by that state. Otherwise nothing is written.
 *
 * A room that was left and is entered again keeps what is stored of it; what happened in between is history to fetch.
 */
export async function importRoom(
  room: RoomImport,
  transaction: RoomTransaction,
  registry: RoomRegistry,
  parts: IngestParts,
): Promise<Verdict> {
  const { pdu } = room.event
  const { eventId } = pdu
  const refused = (reason: string): Verdict => {
    transaction.discard()
    return { kind: 'refused', eventId, reason }
  }
  const rules = roomVersionRules(room.roomVersion)
  if (!rules || room.event.roomVersion !== rules.version) return refused('a room version that is not known here')
  if (pdu.roomId !== room.roomId) return refused('a join of another room')
  const outlierRoom = await enter(room, rules, transaction, registry)
  const verdicts = await storeOutliers([...room.authChain, ...room.state], transaction, outlierRoom, parts.ed25519)
  const map = reportedState(room.state, verdicts)
  if (!map.has(CREATE)) return refused('no create event of this room in the state')

  if (transaction.head?.servers.has(parts.serverName)) {
    // Another user of this server is in: where the parents are here, the word of the resident is not needed.
    const verdict = await ingestPdu(room.event, transaction, parts)
    if (verdict.kind !== 'waiting') return verdict
    noteReported(transaction)
    const before = transaction.deriveState(EMPTY_STATE, map)
    return ingestPdu(room.event, transaction, parts, { before })
  }
  const byAuthEvents = await checkByAuthEvents(pdu, rules, transaction, parts.ed25519)
  if (byAuthEvents.kind !== 'allowed') return refused('the join is not allowed by its auth events')
  const byState = await checkByState(pdu, map, rules, transaction, parts.ed25519)
  if (!byState.allowed) return refused(`the join is not allowed by the state: ${byState.code}`)
  transaction.head = transaction.head
    ? { ...transaction.head, rules, extremities: [], dead: [], exposed: [] }
    : newRoomHead(transaction, outlierRoom.number, rules)
  noteReported(transaction)
  const before = transaction.deriveState(EMPTY_STATE, map)
  const isReturn = transaction.requireHead().state.id !== EMPTY_STATE.id
  const verdict = await placeEvent({ pdu, before, status: 'accepted' }, transaction, parts)
  if (isReturn) await followLocalMembers(transaction, parts.serverName)
  return verdict
}

/** The head of a room of which nothing is stored yet. */
export function newRoomHead(transaction: RoomTransaction, number: RoomNumber, rules: RoomVersionRules): RoomHead {
  return {
    roomId: transaction.roomId,
    number,
    rules,
    extremities: [],
    dead: [],
    exposed: [],
    forks: 0,
    state: EMPTY_STATE,
    lastChange: 0,
    lastStateChange: 0,
    nextStateId: FIRST_STATE_ID,
    nextHistoryOrder: -1,
    joined: 0,
    invited: 0,
    servers: emptyMap(),
  }
}

async function enter(
  room: RoomImport,
  rules: RoomVersionRules,
  transaction: RoomTransaction,
  registry: RoomRegistry,
): Promise<OutlierRoom> {
  const create = room.state.find(({ pdu }) => pdu.type === 'm.room.create' && pdu.stateKey === '')
  const createId: EventId | undefined = transaction.head?.state.map.get(CREATE) ?? create?.pdu.eventId
  return { ...(await numberRoom(rules, transaction, registry)), createId }
}
