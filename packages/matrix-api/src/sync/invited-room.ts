import { type JsonObject, type StateSlot, slotKey } from '@starling/protocol'
import type { RoomMembership } from '../ports.ts'
import { strippedEvent } from '../rooms/client-event.ts'
import { objectIn, stringIn } from '../rooms/content.ts'
import { stateEvents } from '../rooms/state-reading.ts'
import type { SyncContext } from './context.ts'

/** State that tells an invited or knocking user what room it is (Client-Server API, "Stripped state"). */
const STRIPPED_TYPES: ReadonlySet<string> = new Set([
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
])

/** Stripped events passed on at most: the inviting server made them, so their number is not ours. */
const MAX_STRIPPED = 100

/** One room of `rooms.invite` or `rooms.knock`. */
export async function invitedRoom(context: SyncContext, row: RoomMembership): Promise<JsonObject> {
  const events = await strippedState(context, row)
  return row.membership === 'knock' ? { knock_state: { events } } : { invite_state: { events } }
}

async function strippedState(context: SyncContext, row: RoomMembership): Promise<JsonObject[]> {
  const given = row.strippedState.map(prune).filter((event) => event !== undefined)
  const events = (given.length > 0 ? given : await ownStrippedState(context, row)).slice(0, MAX_STRIPPED)
  const { userId } = context.requester
  const hasOwn = events.some((event) => event.type === 'm.room.member' && event.state_key === userId)
  return hasOwn ? events : [...events, await ownMemberEvent(context, row)]
}

/**
 * Only the four properties that stripped state has, and only where they are of the right kind: what came from another
 * server goes no further than that.
 */
function prune(event: JsonObject): JsonObject | undefined {
  const type = stringIn(event, 'type')
  const sender = stringIn(event, 'sender')
  const stateKey = stringIn(event, 'state_key')
  const content = objectIn(event, 'content')
  if (type === undefined || sender === undefined || stateKey === undefined || content === undefined) return undefined
  return { type, state_key: stateKey, sender, content }
}

/** Invited into a room that this server is in: made from the room itself. */
async function ownStrippedState(context: SyncContext, row: RoomMembership): Promise<JsonObject[]> {
  const { reader } = context.sources
  if ((await reader.roomVersion(row.roomId)) === undefined) return []
  const state = await reader.currentState(row.roomId)
  const wanted = new Map([...state].filter(([slot]) => isStripped(slot)))
  const events = await stateEvents(reader, row.roomId, wanted)
  return events.map(({ pdu }) => strippedEvent(pdu))
}

function isStripped(slot: StateSlot): boolean {
  const { type, stateKey } = slotKey(slot)
  return stateKey === '' && STRIPPED_TYPES.has(type)
}

async function ownMemberEvent(context: SyncContext, row: RoomMembership): Promise<JsonObject> {
  const event = await context.sources.reader.event(row.roomId, row.eventId)
  if (event) return strippedEvent(event.pdu)
  return {
    type: 'm.room.member',
    state_key: context.requester.userId,
    sender: row.sender,
    content: { membership: row.membership },
  }
}
