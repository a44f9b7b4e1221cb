import {
  type JsonObject,
  parseStrippedState,
  STRIPPED_STATE_TYPES,
  type StateSlot,
  slotKey,
  stateSlot,
  strippedState,
  type UserId,
} from '@starling/protocol'
import type { RoomMembership, RoomReader } from '../ports.ts'
import { stateEvents } from '../rooms/state-reading.ts'
import type { SyncContext } from './context.ts'

const STRIPPED_TYPES: ReadonlySet<string> = new Set(STRIPPED_STATE_TYPES)

/** One room of `rooms.invite` or `rooms.knock`. */
export async function invitedRoom(context: SyncContext, row: RoomMembership): Promise<JsonObject> {
  const { sources, requester } = context
  const events = await strippedRoom(sources.reader, requester.userId, row)
  return row.membership === 'knock' ? { knock_state: { events } } : { invite_state: { events } }
}

/** What a user who is not in a room may know of it (Client-Server API, "Stripped state"), their own membership included. */
export async function strippedRoom(reader: RoomReader, userId: UserId, row: RoomMembership): Promise<JsonObject[]> {
  const given = parseStrippedState(row.strippedState)
  const events = given.length > 0 ? given : await ownStrippedState(reader, row)
  const hasOwn = events.some((event) => event.type === 'm.room.member' && event.state_key === userId)
  return hasOwn ? events : [...events, await ownMemberEvent(reader, userId, row)]
}

/**
 * Invited into a room that this server is in: made from the room itself, with the inviter's name and picture as an invite from
 * another server has them.
 */
async function ownStrippedState(reader: RoomReader, row: RoomMembership): Promise<JsonObject[]> {
  if ((await reader.roomVersion(row.roomId)) === undefined) return []
  const state = await reader.currentState(row.roomId)
  const inviter = row.membership === 'invite' ? stateSlot('m.room.member', row.sender) : undefined
  const wanted = new Map([...state].filter(([slot]) => isStripped(slot) || slot === inviter))
  const events = await stateEvents(reader, row.roomId, wanted)
  return events.map(({ pdu }) => strippedState(pdu))
}

function isStripped(slot: StateSlot): boolean {
  const { type, stateKey } = slotKey(slot)
  return stateKey === '' && STRIPPED_TYPES.has(type)
}

/** The user's own membership as stripped state. */
export async function ownMemberEvent(reader: RoomReader, userId: UserId, row: RoomMembership): Promise<JsonObject> {
  const event = await reader.event(row.roomId, row.eventId)
  if (event) return strippedState(event.pdu)
  return {
    type: 'm.room.member',
    state_key: userId,
    sender: row.sender,
    content: { membership: row.membership },
  }
}
