import type { JsonObject, Pdu, RoomId, ServerName, StateMap } from '@starling/protocol'
import { mustStayWhole, redact, roomVersionRules, serverOf, slotKey } from '@starling/protocol'
import type { RoomEngine } from '../../contracts.ts'
import { eventIn, membershipOf } from './state-events.ts'

/** Which memberships see an event under the `history_visibility` in force at it; a server sees what one of its users may. */
const NEEDS: Readonly<Record<string, ReadonlySet<string>>> = {
  invited: new Set(['join', 'invite']),
  joined: new Set(['join']),
}

/**
 * The event's JSON for a server that is joined now: as it is, or redacted where no user of that server was there to see
 * it (Client-Server API, "Room History Visibility"). Redacted it keeps its place in the DAG and its valid signature.
 */
export async function forServer(
  engine: RoomEngine,
  roomId: RoomId,
  event: Pdu,
  server: ServerName,
): Promise<JsonObject> {
  if (await isVisible(engine, roomId, event, server)) return event.json
  const version = await engine.roomVersion(roomId)
  const rules = version === undefined ? undefined : roomVersionRules(version)
  return rules && !mustStayWhole(event, rules) ? redact(event.json, rules) : event.json
}

async function isVisible(engine: RoomEngine, roomId: RoomId, event: Pdu, server: ServerName): Promise<boolean> {
  // Room state is given to members whole by `state` anyway, and who redacted it would break the state of who asks.
  if (event.stateKey !== undefined || serverOf(event.sender) === server) return true
  const state = await engine.stateBefore(roomId, event.eventId)
  if (!state) return true
  const visibility = (await eventIn(engine, state, 'm.room.history_visibility'))?.content.history_visibility
  const needed = NEEDS[String(visibility)]
  // `shared` is the default, and what is not understood counts as it.
  return needed === undefined || hasMember(engine, state, server, needed)
}

async function hasMember(
  engine: RoomEngine,
  state: StateMap,
  server: ServerName,
  needed: ReadonlySet<string>,
): Promise<boolean> {
  const suffix = `:${server}`
  const ids = [...state].flatMap(([slot, eventId]) => {
    const { type, stateKey } = slotKey(slot)
    return type === 'm.room.member' && stateKey.endsWith(suffix) ? eventId : []
  })
  const members = await engine.events(ids)
  return [...members.values()].some(({ pdu }) => needed.has(membershipOf(pdu.content) ?? ''))
}
